"""What usernames, passwords and the texts of a profile may look like.

A username is shown in NFKC form and is unique by its key: NFKC, casefolded (Unicode Standard Annex #15, and
Unicode Technical Standard #39 for look-alikes). Whoever reads a name must know who is meant, so one name
keeps to one script, and a name in another script that could be read as a Latin one is refused.
"""

from __future__ import annotations

import unicodedata

from pingme.domain.errors import ErrorCode, Refused

USERNAME_MIN, USERNAME_MAX = 3, 32  # characters
PASSWORD_MIN, PASSWORD_MAX = 8, 128  # characters
PASSWORD_MAX_BYTES = 512  # of UTF-8: 128 characters of 4 bytes
NICKNAME_MAX = 64  # characters
EMAIL_MAX = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
AVATAR_MAX = 512  # characters of a URL
MARKS_IN_A_ROW = 2  # Devanagari and Thai need two; more is made to overlap other lines

PUNCTUATION = frozenset("_.-")
RESERVED = frozenset(
    {"admin", "administrator", "all", "everyone", "here", "moderator", "official", "pingme", "root"}
    | {"server", "support", "system"}
)
"""Names that speak for the server, or mean something in a mention. An administrator may still create them."""

# Letters with another category or an empty picture: Hangul fillers and Khmer inherent vowels.
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5")
# Scripts that are written together in one language.
_FAMILIES = (
    frozenset({"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA"}),
    frozenset({"CJK", "IDEOGRAPHIC", "HANGUL"}),
    frozenset({"CJK", "IDEOGRAPHIC", "BOPOMOFO"}),
)
# Casefolded Cyrillic, Greek and Armenian letters that look like the Latin letter at the same place.
_LOOKALIKES = str.maketrans(
    "асԁеғһіјӏкмոорԛгѕтսѵԝхуαβγεικνορτυχωօցհղѡ",
    "acdefhijlkmnopqrstuvwxyaByeiknoptuxwoghnw".lower(),
)
# What people write for a letter in a name that should be taken for another one; ɑ, ɡ and ı are Latin, too.
_LEET = tuple(str.maketrans("013457ɑɡı", f"o{one}eastagi", "_.-") for one in "il")


def username_key(name: str) -> str:
    """Return what must be unique of a name: NFKC, casefolded, NFKC again (casefolding may undo it)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def check_username(name: str, *, allow_reserved: bool = False) -> str:
    """Return the name as it is shown (NFKC).

    Args:
        name: 3 to 32 letters, digits, ``_``, ``.`` or ``-``.
        allow_reserved: True for an administrator, who may create ``admin``.

    Raises:
        Refused: 10002, with the rule that it breaks.
    """
    shown = unicodedata.normalize("NFKC", name)
    if not USERNAME_MIN <= len(shown) <= USERNAME_MAX:
        raise _invalid(f"username: expected {USERNAME_MIN} to {USERNAME_MAX} characters, got {len(shown)}")
    _check_characters(shown)
    _check_one_script(shown)
    key = username_key(shown)
    _check_no_lookalike(key)
    if not allow_reserved and (not RESERVED.isdisjoint(_readings(key))):
        raise _invalid("username: this name is reserved, or too similar to a reserved one")
    return shown


def _invalid(message: str) -> Refused:
    return Refused(ErrorCode.INVALID_PARAMETERS, message)


def _check_characters(name: str) -> None:
    """Refuse all but letters, their marks, digits and three punctuation marks."""
    marks = 0
    visible = False
    for place, char in enumerate(name, start=1):
        category = unicodedata.category(char)
        marks = marks + 1 if category in {"Mn", "Mc"} else 0
        allowed = category in {"Ll", "Lu", "Lt", "Lo", "Lm", "Nd", "Mn", "Mc"} or char in PUNCTUATION
        if not allowed or char in _INVISIBLE or marks > MARKS_IN_A_ROW:
            raise _invalid(
                f"username: expected letters, digits, _ . or -, got another character at place {place}"
            )
        visible = visible or category[0] == "L" or category == "Nd"
    if not visible:
        raise _invalid("username: expected at least one letter or digit")


def _script(char: str) -> str:
    """Return the script of a letter, mark or digit: the first word of its name ("" for a nameless one)."""
    word = unicodedata.name(char, "").split(" ")[0].split("-")[0]
    return "ARABIC" if word == "EXTENDED" else word


def _check_one_script(name: str) -> None:
    """Refuse a mixture of scripts, digits and marks of a script without its letters included."""
    plain = [char for char in name if char not in PUNCTUATION and not (char.isascii() and char.isdigit())]
    scripts = {_script(char) for char in plain}
    letters = {_script(char) for char in plain if unicodedata.category(char)[0] == "L"}
    if not scripts:
        return
    if "" in scripts or scripts != letters:
        raise _invalid("username: expected digits and marks of the same script as its letters")
    if len(scripts) > 1 and not any(scripts <= family for family in _FAMILIES):
        raise _invalid(
            f"username: expected letters of one script, got {' and '.join(sorted(scripts)).lower()}"
        )


def _check_no_lookalike(key: str) -> None:
    """Refuse a name without Latin letters that reads as one with them."""
    letters = "".join(char for char in key if char.isalpha())
    if letters and not letters.isascii() and letters.translate(_LOOKALIKES).isascii():
        raise _invalid("username: expected a name that cannot be mistaken for one in Latin letters")


def _readings(key: str) -> set[str]:
    """Return a key as it may be read: without accents and separators, with letters for digits (1 is i or
    l).
    """
    bare = "".join(char for char in unicodedata.normalize("NFD", key) if not unicodedata.combining(char))
    return {key, *(bare.translate(table) for table in _LEET)}


def check_password(password: str, *, username: str) -> str:
    """Return the password in the form that is hashed (NFC, so that every keyboard gives the same bytes).

    Args:
        password: 8 to 128 characters, at most 512 bytes of UTF-8, anything but the username.
        username: whose password it will be.

    Raises:
        Refused: 10002, with the rule that it breaks; never with the password.
    """
    normal = normalise_password(password)
    if not PASSWORD_MIN <= len(normal) <= PASSWORD_MAX:
        raise _invalid(f"password: expected {PASSWORD_MIN} to {PASSWORD_MAX} characters, got {len(normal)}")
    if len(normal.encode("utf-8", "surrogatepass")) > PASSWORD_MAX_BYTES:
        raise _invalid(f"password: expected at most {PASSWORD_MAX_BYTES} bytes of UTF-8")
    if not is_unicode(normal):
        raise _invalid("password: expected valid Unicode")
    if username_key(normal) == username_key(username):
        raise _invalid("password: expected something else than the username")
    return normal


def normalise_password(password: str) -> str:
    """Return the form of a password that is hashed and compared (RFC 8265 §4.2: NFC)."""
    return unicodedata.normalize("NFC", password)


def is_unicode(text: str) -> bool:
    """Tell whether a text can be written as UTF-8, which a lone surrogate cannot."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def check_nickname(nickname: str) -> str:
    """Return a nickname without outer spaces, in NFC: at most 64 printable characters; empty takes it away.

    Raises:
        Refused: 10002.
    """
    return _check_text("nickname", nickname, NICKNAME_MAX)


def check_device_name(name: str) -> str:
    """Return the name of a device, by the rules of `check_nickname`.

    Raises:
        Refused: 10002.
    """
    return _check_text("device_name", name, NICKNAME_MAX)


def _check_text(field: str, text: str, limit: int) -> str:
    """Return a line for people; emoji joined by U+200D pass, other invisible and bidi characters do not."""
    normal = unicodedata.normalize("NFC", text).strip()
    if len(normal) > limit:
        raise _invalid(f"{field}: expected at most {limit} characters, got {len(normal)}")
    for place, char in enumerate(normal, start=1):
        hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"} and char != "\u200d"
        if hidden or char in _INVISIBLE:
            raise _invalid(f"{field}: expected printable characters, got another one at place {place}")
    return normal


def check_email(email: str) -> str:
    """Return an address that has the form of one; empty takes it away. Whether it works, only a mail can
    tell.

    Raises:
        Refused: 10002.
    """
    text = _check_text("email", email, EMAIL_MAX)
    local, at, domain = text.rpartition("@")
    good = bool(local) and bool(at) and "." in domain.strip(".") and not any(char.isspace() for char in text)
    if text and not good:
        raise _invalid("email: expected an address such as ada@example.org")
    return text


def check_avatar(avatar: str) -> str:
    """Return the address of a picture: http, https or a path of this server; empty takes it away.

    Raises:
        Refused: 10002.
    """
    text = _check_text("avatar", avatar, AVATAR_MAX)
    path = text.startswith("/") and not text.startswith("//")
    if text and (any(char.isspace() or char == "\\" for char in text) or not (path or _is_web(text))):
        raise _invalid("avatar: expected an address that begins with https://, http:// or /")
    return text


def _is_web(url: str) -> bool:
    scheme, separator, rest = url.partition("://")
    return bool(separator) and scheme in {"http", "https"} and bool(rest)
