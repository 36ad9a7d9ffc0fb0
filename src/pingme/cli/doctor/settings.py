"""Settings: are they right, and do they suit what they are for?"""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pingme.adapters.secret_file import SECRET_MIN_CHARS
from pingme.cli.doctor.findings import Finding, fail, ok, warn
from pingme.config import ConfigError, Loaded, Settings, all_settings
from pingme.config.catalogue import CONFIG_VARIABLE, SHORT_NAMES
from pingme.config.load import weakness_of

ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not bound
FAMILIES = ("APP_", "DB_", "REDIS_", "KAFKA_", "JWT_")  # how the short names begin
RESEMBLES = 0.75  # DB_USER and DB_USERNAME do, DB_URL and DB_HOST do not
FIX_WEAK = 'export JWT_SECRET="$(openssl rand -base64 48)"   # keep it: a new one ends every session'


def broken(error: ConfigError) -> Finding:
    """Return the finding for settings that cannot be read; the error says where and what was expected."""
    return fail("settings.file", str(error), "correct it there; all settings are in docs/configuration.md")


def check_settings(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Tell where the settings come from, which variables look misspelt, and which engines are asked for."""
    variables = sum(source.startswith("environment") for source in loaded.sources.values())
    by_file = len(loaded.sources) - variables
    where = f"{loaded.file} sets {by_file}" if loaded.file else "no file"
    yield ok("settings.file", f"{where}, the environment {variables}, of {len(all_settings())} settings")
    yield from _misspelt(environ)


def _misspelt(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Other variables may have any name; those that resemble a short name of PingMe's are pointed out."""
    known = {*SHORT_NAMES, CONFIG_VARIABLE}
    for variable in sorted(environ):
        if variable in known or not variable.startswith(FAMILIES):
            continue
        near = difflib.get_close_matches(variable, known, n=1, cutoff=RESEMBLES)
        if near:
            text = f"environment: {variable} is no setting and is not read; did you mean {near[0]}?"
            yield warn("settings.environment", text, f"rename it: {near[0]}=…, or unset {variable}")


# Secrets.


def check_secrets(loaded: Loaded) -> Iterator[Finding]:
    """Tell whether the signing secret is good, and whether others can read it."""
    secret, path = loaded.settings.jwt.secret, loaded.settings.data_dir / "jwt.secret"
    weakness = weakness_of(secret)
    if secret is None:
        yield _kept_secret(path)
    elif weakness:
        text = f"jwt.secret is weak ({weakness}); production would refuse it"
        yield warn("secrets.jwt", text, FIX_WEAK)
    else:
        yield ok(
            "secrets.jwt", f"jwt.secret is good (from {loaded.sources.get('jwt.secret', 'the settings')})"
        )
    yield from _readable_file(loaded)


def _kept_secret(path: Path) -> Finding:
    """Look at the secret that the server makes for itself."""
    if path.exists() and len(path.read_text("ascii").strip()) < SECRET_MIN_CHARS:
        text = f"{path} is too short to be a secret: the server refuses to start"
        return fail("secrets.jwt", text, f"rm {path}   # the next start makes a new one; every session ends")
    return ok("secrets.jwt", f"no jwt.secret is set: one is made and kept in {path}; production asks for one")


def _readable_file(loaded: Loaded) -> Iterator[Finding]:
    """A file that sets a secret is nobody else's to read."""
    secrets = {setting.name for setting in all_settings() if setting.secret}
    if loaded.file is None or not any(
        not source.startswith("environment") for name, source in loaded.sources.items() if name in secrets
    ):
        return
    mode = loaded.file.stat().st_mode & 0o777
    if mode & 0o077:
        text = f"{loaded.file} holds a secret, and others may read it (mode {mode:04o})"
        yield warn("secrets.file", text, f"chmod 600 {loaded.file}")
    else:
        yield ok("secrets.file", f"{loaded.file} holds a secret and is yours alone (mode {mode:04o})")


# The way in.


def check_exposure(settings: Settings) -> Iterator[Finding]:
    """Tell what of TLS, proxy, origins and bounds does not suit the environment that is set."""
    app = settings.app
    findings = list(_exposure(settings))
    yield from findings
    if not findings:
        reached = "this machine only" if is_loopback(app.host) else f"{app.host}"
        yield ok("exposure", f"{app.env}: listens for {reached}, registration is {app.registration}")


def _exposure(settings: Settings) -> Iterator[Finding]:
    app, production = settings.app, settings.app.env == "production"
    if production and app.host in ANY_ADDRESS and not app.trusted_proxies:
        text = f"listens on {app.host} without a proxy: passwords and messages travel without TLS"
        fix = "app.host: 127.0.0.1 and app.trusted_proxies: [127.0.0.1], and a TLS proxy (docs/operations.md)"
        yield warn("exposure.tls", text, fix)
    elif production and is_loopback(app.host) and not app.trusted_proxies:
        text = "no app.trusted_proxies: behind a proxy all clients look like one, and are throttled together"
        yield warn("exposure.proxy", text, "app.trusted_proxies: [127.0.0.1]")
    for network in app.trusted_proxies:
        if ipaddress.ip_network(network, strict=False).prefixlen == 0:
            text = f"app.trusted_proxies has {network}: anybody may claim any address"
            yield warn("exposure.proxy", text, "app.trusted_proxies: [127.0.0.1]")
    if "*" in app.allowed_origins:
        text = "app.allowed_origins has *: pages of any site may connect"
        if production:
            yield warn("exposure.origins", text, "app.allowed_origins: [https://chat.example.org]")
    if production and not settings.limits.sends_per_s:
        text = "limits.sends_per_s is 0: a client may send as fast as it can"
        yield warn("exposure.limits", text, "limits.sends_per_s: 20")
    if settings.metrics.port and settings.metrics.host in ANY_ADDRESS:
        text = f"/metrics listens on {settings.metrics.host}: anybody who reaches it may read it"
        yield warn("exposure.metrics", text, "metrics.host: 127.0.0.1")
    if production and os.geteuid() == 0:
        fix = "run it as a user of its own: sudo -u pingme pingme serve"
        yield warn("exposure.user", "this is root, who needs no server's mistakes", fix)


def is_loopback(host: str) -> bool:
    """Return True when only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_log_file(settings: Settings) -> Iterator[Finding]:
    """Tell whether `logging.output` can be written, where it is a file."""
    output = settings.logging.output
    if output in {"stderr", "stdout"}:
        return
    path = Path(output)
    target = path if path.exists() else path.parent
    if os.access(target, os.W_OK):
        yield ok("settings.logging", f"the log goes to {path}")
    else:
        fix = f"mkdir -p {path.parent} and make it writable, or logging.output: stderr"
        yield fail("settings.logging", f"the log cannot be written to {path}", fix)
