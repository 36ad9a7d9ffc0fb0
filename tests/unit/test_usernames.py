"""Names that can be told apart, passwords that are worth the name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pingme.domain.errors import ErrorCode, Refused
from pingme.domain.usernames import (
    check_avatar,
    check_email,
    check_nickname,
    check_password,
    check_username,
    username_key,
)


@pytest.mark.parametrize(
    "name",
    [
        "ada",
        "Ada.L",
        "bob_1",
        "x-y-z",
        "12345",
        "a" * 32,
        "Žofie",
        "Иван",
        "αβγδ",
        "東京たろう",
        "김철수",
        "राम",
        "نور1",
    ],
)
def test_names_of_one_script_are_taken(name: str) -> None:
    """Letters and digits of one script, and three punctuation marks."""
    assert check_username(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "ab", "a" * 33, "___", "a b", " ada", "a/b", "a@b", "a\x00b", "a\nb", "😀😀😀"),
        *("a\u200bbc", "a\u202ebc", "a\u00adbc", "\ufeffabc", "123\ufe0f", "\u3164\u3164\u3164", "a\ud800b"),
        *("a\u0315\u0315\u0315b", "ab\u0489c"),
    ],
)
def test_other_characters_are_refused(name: str) -> None:
    """Control, invisible and bidi characters, piled-up marks, spaces and pictures."""
    with pytest.raises(Refused) as caught:
        check_username(name)

    assert caught.value.code is ErrorCode.INVALID_PARAMETERS
    assert caught.value.message.startswith("username: expected")


@pytest.mark.parametrize("name", ["pаypal", "Αlice", "аррӏе", "рор", "ааа", "١٢٣", "abc١", "ηello"])
def test_look_alikes_are_refused(name: str) -> None:
    """Mixed scripts, and names of another script that read as Latin."""
    with pytest.raises(Refused):
        check_username(name)


@pytest.mark.parametrize(
    "name", ["admin", "Admin", "ADMIN", "adm1n", "r00t", "a.d.m.i.n", "ádmin", "ｒｏｏｔ", "admın"]
)
def test_reserved_names_are_for_administrators(name: str) -> None:
    """In every spelling."""
    with pytest.raises(Refused, match="reserved"):
        check_username(name)

    check_username(name, allow_reserved=True)


def test_names_that_look_the_same_have_one_key() -> None:
    """NFKC and casefolding: width, case and composition make no difference."""
    assert username_key("ＡＤＡ") == username_key("ada") == "ada"
    assert username_key("Straße") == username_key("STRASSE")
    assert username_key("e\u0301va") == username_key("Éva")
    assert check_username("ｆｕｌｌ") == "full"


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_is_refused(text: str) -> None:
    """Nothing else happens; what is taken is taken again, and its key is stable."""
    try:
        shown = check_username(text)
    except Refused:
        return

    assert check_username(shown) == shown
    assert username_key(username_key(shown)) == username_key(shown) == username_key(text)


@pytest.mark.parametrize("password", ["12345678", "p" * 128, "😀" * 128, "pass word", "ada ada ada"])
def test_good_passwords(password: str) -> None:
    """8 to 128 characters of any kind."""
    assert check_password(password, username="ada") == password


@pytest.mark.parametrize(
    "password", ["", "1234567", "p" * 129, "adalovelace", "ADALOVELACE", "abcdefg\ud800"]
)
def test_bad_passwords(password: str) -> None:
    """Too short, too long, the username, or no text; the error does not repeat it."""
    with pytest.raises(Refused) as caught:
        check_password(password, username="AdaLovelace")

    assert not password or password not in caught.value.message


def test_a_password_is_the_same_from_every_keyboard() -> None:
    """Composed and decomposed letters are hashed alike."""
    assert check_password("cafe\u0301 noir", username="ada") == check_password("café noir", username="ada")


def test_profile_texts() -> None:
    """Printable nicknames, addresses with an @, pictures by http or path; empty takes away."""
    assert check_nickname("  Ada 👩\u200d💻 ") == "Ada 👩\u200d💻"
    assert check_email("ada@example.org") == "ada@example.org"
    assert check_avatar("https://example.org/a.png") == "https://example.org/a.png"
    assert check_avatar("/media/1") == "/media/1"
    assert (check_nickname(""), check_email(""), check_avatar("")) == ("", "", "")


@pytest.mark.parametrize(
    "avatar", ["javascript:alert(1)", "data:x", "//evil.example", "/\\evil", "https://", "a b"]
)
def test_an_avatar_that_is_no_picture_address_is_refused(avatar: str) -> None:
    """Nothing that a browser would run or take elsewhere."""
    with pytest.raises(Refused):
        check_avatar(avatar)


@pytest.mark.parametrize("text", ["a\u202eb", "a\nb", "x" * 65, "\u200b"])
def test_a_nickname_that_hides_something_is_refused(text: str) -> None:
    """Control, bidi and invisible characters would change the line around it."""
    with pytest.raises(Refused):
        check_nickname(text)


@pytest.mark.parametrize("email", ["ada", "@example.org", "ada@", "ada@host", "a b@example.org"])
def test_an_email_without_the_form_of_one_is_refused(email: str) -> None:
    """Form only; whether it works, nobody asks here."""
    with pytest.raises(Refused):
        check_email(email)
