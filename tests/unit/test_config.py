"""Settings: precedence, names, and errors that say where the mistake stands."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from pingme.config import ConfigError, Settings, all_settings, load_settings, load_with_sources
from pingme.config.catalogue import SHORT_NAMES, plain, sections
from pingme.config.reference import replace_between_markers

ROOT = Path(__file__).resolve().parents[2]
GOOD_SECRET = "q7Zr2mXw9bVt4kLp8sNf6hJd3gYc1aQe"  # 32 bytes


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str, name: str = "config/local.yml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(environ: dict[str, str] | None = None, *, path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ or {}, path=path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- precedence -----------------------------------------------------------------------------------


def test_without_file_and_environment_the_defaults_hold(folder):
    """Nothing set means the defaults, with every engine embedded."""
    settings = load_settings(environ={})

    assert settings.app.port == 8080
    assert settings.database.host is None
    assert settings.redis.host is None
    assert settings.kafka.brokers == ()
    assert settings.jwt.secret is None


def test_the_file_wins_over_a_default(folder):
    """A key of config/local.yml replaces its default and no other."""
    write(folder, "app:\n  port: 9000\n")

    settings = load_settings(environ={})

    assert (settings.app.port, settings.app.host) == (9000, "0.0.0.0")


def test_the_environment_wins_over_the_file(folder):
    """A variable replaces the file's value."""
    write(folder, "app:\n  port: 9000\n")

    assert load_settings(environ={"APP_PORT": "9001"}).app.port == 9001


def test_the_long_name_wins_over_the_short_one(folder):
    """PINGME_APP__PORT counts where APP_PORT says something else."""
    assert load_settings(environ={"APP_PORT": "1", "PINGME_APP__PORT": "2"}).app.port == 2


@pytest.mark.parametrize("variable", ["APP_PORT", "PINGME_APP__PORT", "APP_CONF"])
def test_an_empty_variable_is_unset(folder, variable):
    """An empty variable hides neither the file nor a default."""
    write(folder, "app:\n  port: 9000\n")

    assert load_settings(environ={variable: ""}).app.port == 9000


def test_app_conf_names_the_file(folder):
    """APP_CONF is read instead of config/local.yml."""
    write(folder, "app:\n  port: 9000\n")
    other = write(folder, "app:\n  name: Other\n", name="other.yml")

    settings = load_settings(environ={"APP_CONF": str(other)})

    assert (settings.app.name, settings.app.port) == ("Other", 8080)


def test_an_explicit_path_wins_over_app_conf(folder):
    """A path given by the caller is read, whatever APP_CONF says."""
    path = write(folder, "app:\n  name: Mine\n", name="mine.yml")

    assert load_settings(environ={"APP_CONF": "missing.yml"}, path=path).app.name == "Mine"


def test_a_missing_file_that_app_conf_names_is_an_error(folder):
    """The error names the file and the variable."""
    assert refusal({"APP_CONF": "nowhere.yml"}).startswith("nowhere.yml: APP_CONF names it: expected")


def test_every_value_knows_its_source(folder):
    """A source is file and line, or the variable; defaults have none."""
    write(folder, "app:\n  port: 9000\n")

    loaded = load_with_sources(environ={"DB_HOST": "db"})

    assert dict(loaded.sources) == {"app.port": "config/local.yml:2", "database.host": "environment: DB_HOST"}


# --- names ----------------------------------------------------------------------------------------

SHORT_VALUES = {
    "APP_HOST": ("127.0.0.1", "127.0.0.1"),
    "APP_PORT": ("8181", 8181),
    "APP_ENV": ("production", "production"),
    "DB_HOST": ("db", "db"),
    "DB_PORT": ("3307", 3307),
    "DB_USERNAME": ("im", "im"),
    "DB_PASSWORD": ("12345", "12345"),
    "DB_NAME": ("chat", "chat"),
    "REDIS_HOST": ("cache", "cache"),
    "REDIS_PORT": ("6380", 6380),
    "REDIS_PASSWORD": ("word", "word"),
    "KAFKA_BROKERS": ("a:9092, b:9092", ("a:9092", "b:9092")),
    "JWT_SECRET": (GOOD_SECRET, GOOD_SECRET),
}


@pytest.mark.parametrize("variable", sorted(SHORT_NAMES))
def test_every_short_name_sets_its_setting(folder, variable):
    """Each short variable reaches its section and key as the right type."""
    text, expected = SHORT_VALUES[variable]
    section, key = SHORT_NAMES[variable]

    settings = load_settings(environ={"JWT_SECRET": GOOD_SECRET, variable: text})

    value = getattr(getattr(settings, section), key)
    assert (value.get_secret_value() if hasattr(value, "get_secret_value") else value) == expected


@pytest.mark.parametrize("setting", all_settings(), ids=lambda setting: setting.name)
def test_every_setting_has_a_long_name(folder, setting):
    """PINGME_<SECTION>__<KEY> with the default's own text is accepted."""
    default = {"app.data_dir": "/srv", "database.path": "im.db", "kafka.brokers": "a:1", "jwt.secret": "s"}
    value = default.get(setting.name) or ("x" if setting.default in {None, ()} else str(setting.default))
    if setting.name == "app.allowed_origins":
        value = "https://chat.example.org"
    if setting.name == "app.trusted_proxies":
        value = "10.0.0.0/8"

    loaded = load_with_sources(environ={f"PINGME_{setting.section.upper()}__{setting.key.upper()}": value})

    assert list(loaded.sources) == [setting.name]


@pytest.mark.parametrize("text", ["a:9092,b:9092", '["a:9092", "b:9092"]', " a:9092 , b:9092, "])
def test_a_list_is_comma_separated_or_json(folder, text):
    """Both forms of a list variable mean the same."""
    assert load_settings(environ={"KAFKA_BROKERS": text}).kafka.brokers == ("a:9092", "b:9092")


def test_a_broken_json_list_is_refused(folder):
    """A variable that begins like JSON must be JSON."""
    assert "broken JSON" in refusal({"KAFKA_BROKERS": '["a:9092"'})


# --- mistakes -------------------------------------------------------------------------------------


def test_a_misspelt_key_is_refused_with_line_and_nearest_name(folder):
    """The error names file, line, key and the nearest right key."""
    write(folder, "# comment\napp:\n  host: x\n  prot: 9000\n")

    assert refusal() == 'config/local.yml:4: app.prot: unknown key; did you mean "port"?'


def test_a_key_in_the_wrong_section_is_refused_with_its_right_place(folder):
    """A key that another section has is pointed to there."""
    write(folder, "app:\n  sends_per_s: 5\n")

    assert 'did you mean "limits.sends_per_s"?' in refusal()


def test_an_unknown_section_is_refused_with_the_nearest_name(folder):
    """A section is spelt right or refused."""
    write(folder, "app:\n  port: 1\ndatabse:\n  host: x\n")

    text = refusal()

    assert text.startswith("config/local.yml:3: databse: unknown section")
    assert text.endswith('did you mean "database"?')


def test_an_unknown_variable_is_refused_with_the_nearest_name(folder):
    """A PINGME_ variable that is no setting is a mistake; other variables are not ours."""
    load_settings(environ={"PATH": "x", "_PINGME_COMPLETE": "y", "APP_PROT": "z"})

    assert (
        refusal({"PINGME_APP__PROT": "1"})
        == 'environment: PINGME_APP__PROT: unknown variable; did you mean "PINGME_APP__PORT"?'
    )


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("app:\n  port: eighty\n", 2, 'app.port: expected whole number, 0 to 65535, got "eighty"'),
        ("app:\n  port: true\n", 2, "app.port: expected whole number, 0 to 65535, got true"),
        ('app:\n  port: "80"\n', 2, 'app.port: expected whole number, 0 to 65535, got "80"'),
        ("app:\n  name: [a]\n", 2, 'app.name: expected text, at most 64 characters, got ["a"]'),
        ("app:\n  name: {a: b}\n", 2, "app.name: expected text, at most 64 characters, got a mapping"),
        ("app:\n  env: staging\n", 2, 'app.env: expected `development` or `production`, got "staging"'),
        ("kafka:\n  enable_dlq: 1\n", 2, "kafka.enable_dlq: expected true or false, got 1"),
        (
            "\n\nlimits:\n  sends_per_s: -1\n",
            4,
            "limits.sends_per_s: expected whole number, 0 to 1000000, got -1",
        ),
        (
            "limits:\n  answer_timeout_s: .nan\n",
            2,
            "limits.answer_timeout_s: expected number, 0.01 to 300",
        ),
        ("app: 5\n", 1, "expected section app to hold `key: value` lines"),
        ("- app\n", 1, "expected the file to hold `key: value` lines"),
        ("app:\n  port: 1\n  port: 2\n", 3, "port stands twice in section app, first in line 2"),
        ("app:\n  port: [1\n", 3, "expected YAML"),
        ("app:\n  ? [a]\n  : 1\n", 2, "expected a plain key in section app"),
        ("app:\n  name: !!python/name:os.system\n", 2, "app.name: expected a plain value or a list"),
        ("app:\n  name: &a [*a]\n", 2, "app.name: expected a plain value or a list"),
        ("app:\n  allowed_origins: [chat.example.org]\n", 2, "expected list of origins"),
        ("app:\n  trusted_proxies: [proxy]\n", 2, "expected list of addresses or networks"),
        ("kafka:\n  brokers: localhost:9092\n", 2, "kafka.brokers: expected list of host:port"),
    ],
)
def test_a_wrong_value_is_refused_with_its_line(folder, text, line, expected):
    """The error names file, line and key, and says what was expected and what came."""
    write(folder, text)

    message = refusal()

    assert message.startswith(f"config/local.yml:{line}: ")
    assert expected in message


def test_a_file_that_is_not_utf8_is_refused(folder):
    """Bytes that are no text are an error, not a traceback."""
    write(folder, "").write_bytes(b"app:\n  name: \xff\xfe\n")

    assert "UTF-8" in refusal()


@pytest.mark.parametrize("text", ["", "# nothing\n", "app:\n", "app:\n  port:\n", "---\n"])
def test_an_empty_file_section_or_key_sets_nothing(folder, text):
    """What has no value is unset."""
    write(folder, text)

    assert load_settings(environ={}).app.port == 8080


RANGES = [setting for setting in all_settings() if " to " in setting.expected]


@pytest.mark.parametrize("setting", RANGES, ids=lambda setting: setting.name)
def test_every_range_ends_where_it_says(folder, setting):
    """The ends of a range are accepted and the numbers beyond them are refused."""
    low, high = (float(text) for text in setting.expected.rpartition(", ")[2].split(" to "))
    variable = setting.variables[0]
    # The partner of a pair that is checked together moves out of the way.
    partner = {
        "websocket.ping_interval": {"PINGME_WEBSOCKET__PONG_TIMEOUT": "7200"},
        "websocket.pong_timeout": {"PINGME_WEBSOCKET__PING_INTERVAL": "1"},
        "kafka.retry_max_backoff": {"PINGME_KAFKA__RETRY_INITIAL_BACKOFF": "1"},
        "kafka.retry_initial_backoff": {"PINGME_KAFKA__RETRY_MAX_BACKOFF": "600000"},
        "websocket.max_message_size": {"PINGME_LIMITS__BODY_BYTES": "4194304"},
        "limits.body_bytes": {"PINGME_WEBSOCKET__MAX_MESSAGE_SIZE": "256"},
    }.get(setting.name, {})
    lowest = low + 1 if setting.name == "websocket.pong_timeout" else low

    for inside in (lowest, high):
        load_settings(environ={**partner, variable: f"{inside:.12g}"})
    for outside in (low - 1, high + 1):
        assert setting.name in refusal({**partner, variable: f"{outside:.12g}"})


# --- settings that must go together ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("", "got none"),
        ("short", "got 5 bytes"),
        (GOOD_SECRET[:31], "got 31 bytes"),
        ("your-secret-key-change-in-production", "got one from an example"),
        ("0" * 64, "got one of few different characters"),
    ],
)
def test_production_refuses_a_weak_secret(folder, secret, reason):
    """The server does not start in production with a missing, short or copied secret, and never shows it."""
    text = refusal({"APP_ENV": "production", "JWT_SECRET": secret})

    assert "jwt.secret" in text
    assert reason in text
    assert not secret or secret not in text


def test_production_takes_a_secret_of_32_random_bytes(folder):
    """A good secret is enough."""
    settings = load_settings(environ={"APP_ENV": "production", "JWT_SECRET": GOOD_SECRET})

    assert settings.app.env == "production"


def test_a_wrong_secret_in_the_file_is_not_shown(folder):
    """An error about a secret names its line and hides its value."""
    write(folder, "redis:\n  password: 31415926\n")

    text = refusal()

    assert text == "config/local.yml:2: redis.password: expected text, got ********"


def test_secrets_are_not_in_the_printed_settings(folder):
    """repr() and str() of the settings hide every secret."""
    settings = load_settings(
        environ={"JWT_SECRET": "abc-1", "DB_PASSWORD": "abc-2", "REDIS_PASSWORD": "abc-3"}
    )

    assert "abc-" not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"DB_HOST": "db", "PINGME_DATABASE__PATH": "x.db"}, "either database.host (MySQL) or database.path"),
        (
            {"PINGME_WEBSOCKET__PONG_TIMEOUT": "30"},
            "expected more than websocket.ping_interval (30 s), got 30 s",
        ),
        ({"PINGME_KAFKA__RETRY_MAX_BACKOFF": "50"}, "expected at least kafka.retry_initial_backoff (100 ms)"),
        (
            {"PINGME_WEBSOCKET__MAX_MESSAGE_SIZE": "16385"},
            "limits.body_bytes: expected at least 65540, 4 times websocket.max_message_size, got 65536",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(folder, environ, expected):
    """Right alone and wrong together is an error that names both."""
    assert expected in refusal(environ)


def test_settings_are_frozen(folder):
    """Nobody changes a setting after the start."""
    settings = load_settings(environ={})

    with pytest.raises(ValueError, match="frozen"):
        settings.app.port = 1


# --- the data folder ------------------------------------------------------------------------------


def test_the_data_folder_of_a_checkout_is_inside_it(folder):
    """A folder with src/pingme keeps its data in ./data."""
    (folder / "src" / "pingme").mkdir(parents=True)

    settings = load_settings(environ={"XDG_DATA_HOME": "/elsewhere"})

    assert settings.data_dir == folder / "data"
    assert settings.sqlite_path == folder / "data" / "pingme.db"


def test_a_project_file_of_that_name_makes_a_checkout(folder):
    """A pyproject.toml named pingme counts, any other does not."""
    write(folder, '[project]\nname = "other"\n', name="pyproject.toml")
    other = load_settings(environ={"XDG_DATA_HOME": "/xdg"}).data_dir
    write(folder, '[project]\nname = "pingme"\n', name="pyproject.toml")

    assert (other, load_settings(environ={}).data_dir) == (Path("/xdg/pingme"), folder / "data")


def test_the_data_folder_elsewhere_is_the_users(folder, monkeypatch):
    """Outside a checkout: $XDG_DATA_HOME/pingme when absolute, else ~/.local/share/pingme."""
    monkeypatch.setenv("HOME", "/home/ann")

    assert load_settings(environ={"XDG_DATA_HOME": "/xdg"}).data_dir == Path("/xdg/pingme")
    assert load_settings(environ={"XDG_DATA_HOME": "relative"}).data_dir == Path(
        "/home/ann/.local/share/pingme"
    )
    assert load_settings(environ={}).data_dir == Path("/home/ann/.local/share/pingme")


def test_the_data_folder_and_the_file_of_the_store_can_be_set(folder):
    """app.data_dir and database.path win over what is derived."""
    environ = {"PINGME_APP__DATA_DIR": "/srv/pingme", "PINGME_DATABASE__PATH": "/fast/im.db"}

    settings = load_settings(environ=environ)

    assert (settings.data_dir, settings.sqlite_path) == (Path("/srv/pingme"), Path("/fast/im.db"))


# --- the files that people read -------------------------------------------------------------------


def test_local_yml_lists_every_setting_with_its_default():
    """With its comments opened, config/local.yml is the list of all defaults."""
    lines = (ROOT / "config" / "local.yml").read_text(encoding="utf-8").splitlines()
    engines = ("# database:", "# redis:", "# kafka:", "#   ")
    opened = "\n".join(line[2:] if line.startswith(engines) else line for line in lines)

    document = yaml.safe_load(opened)

    defaults = {setting.name: plain(setting.default) for setting in all_settings()}
    defaults["database.password"] = "root"
    listed = {f"{name}.{key}": value for name, body in document.items() for key, value in body.items()}
    assert listed == defaults


def test_local_yml_changes_nothing_as_it_stands(folder):
    """The file that is delivered is the defaults."""
    loaded = load_settings(environ={}, path=ROOT / "config" / "local.yml")

    assert loaded.app.model_copy(update={"data_dir": None}) == Settings().app
    assert loaded.model_copy(update={"app": Settings().app}) == Settings()


def test_cluster_yml_selects_all_three_engines(folder):
    """config/cluster.yml is MySQL, Redis and Kafka."""
    settings = load_settings(environ={}, path=ROOT / "config" / "cluster.yml")

    assert all([settings.database.host, settings.redis.host, settings.kafka.brokers])


def test_the_documented_settings_are_the_models():
    """docs/configuration.md has the tables that `pingme config docs` prints."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    assert text == replace_between_markers(text), "run: pingme config docs --write docs/configuration.md"


@pytest.mark.parametrize("setting", all_settings(), ids=lambda setting: setting.name)
def test_every_setting_says_what_it_is(setting):
    """A description is a sentence, and a bound names its unit."""
    assert setting.description.endswith(".")
    units = {"_s": "econds", "_ms": "illiseconds", "_bytes": "ytes"}
    for ending, unit in units.items():
        if setting.key.endswith(ending) and not setting.key.endswith("_per_s"):
            assert unit in setting.description


def test_every_section_is_documented():
    """Each section's model opens with a sentence, which the docs show."""
    assert all((model.__doc__ or "").strip() for model in sections().values())


def test_variables_of_the_clients_are_no_settings() -> None:
    """PINGME_TOKEN and PINGME_SERVER may be set where a server starts: they belong to chat and send."""
    settings = load_settings(environ={"PINGME_TOKEN": "x", "PINGME_SERVER": "http://localhost:1"})

    assert settings.app.port == 8080


def test_every_setting_is_read_by_the_program():
    """A setting that nothing reads would promise what is not done."""
    package = ROOT / "src" / "pingme"
    nodes = [node for path in package.rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    pairs = [(node.value, node.attr) for node in nodes if isinstance(node, ast.Attribute)]
    read = {f"{getattr(of, 'attr', getattr(of, 'id', ''))}.{name}" for of, name in pairs}

    assert [each.name for each in all_settings() if each.name not in read] == []


def test_variables_that_kubernetes_and_tests_export_are_no_settings() -> None:
    """A Service called pingme, redis or app gives its variables to every container; tests may have theirs exported."""
    settings = load_settings(
        environ={
            "PINGME_PORT": "tcp://10.0.0.7:80",
            "PINGME_SERVICE_HOST": "10.0.0.7",
            "PINGME_SERVICE_PORT": "80",
            "PINGME_SERVICE_PORT_HTTP": "80",
            "PINGME_PORT_80_TCP": "tcp://10.0.0.7:80",
            "PINGME_PORT_80_TCP_PROTO": "tcp",
            "PINGME_PORT_80_TCP_PORT": "80",
            "PINGME_PORT_80_TCP_ADDR": "10.0.0.7",
            "PINGME_METRICS_SERVICE_HOST": "10.0.0.8",
            "PINGME_METRICS_PORT": "tcp://10.0.0.8:9090",
            "REDIS_PORT": "tcp://10.0.0.9:6379",
            "APP_PORT": "tcp://10.0.0.10:80",
            "PINGME_TEST_MYSQL": "127.0.0.1:3306:root:root",
        }
    )

    assert settings == load_settings(environ={})


@pytest.mark.parametrize(
    "environ",
    [
        {"PINGME_PORT": "9000"},
        {"PINGME_METRICS_PORT": "9090"},
        {"PINGME_APP__SERVICE_HOST": "x"},
        {"PINGME_PORT_80": "tcp://10.0.0.7:80"},
    ],
    ids=str,
)
def test_what_only_resembles_them_is_still_refused(environ: dict[str, str]) -> None:
    """A number in PINGME_PORT was meant for APP_PORT."""
    assert "unknown variable" in refusal(environ)


# --- a folder that may not be entered -------------------------------------------------------------


@pytest.fixture
def closed_folder(folder, monkeypatch):
    """A current folder into which nobody may look, as another user's is; root may look everywhere."""

    def may_not(path: Path, *_: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", may_not)
    monkeypatch.setattr(Path, "is_dir", may_not)
    return folder


def test_a_current_folder_that_may_not_be_entered_sets_nothing(closed_folder):
    """`runuser -u pingme` in somebody else's folder: no config/local.yml is found, and no checkout."""
    settings = load_settings(environ={"XDG_DATA_HOME": "/xdg"})

    assert settings.data_dir == Path("/xdg/pingme")


def test_a_named_file_that_may_not_be_seen_is_an_error(closed_folder):
    """What APP_CONF names was meant: the error says what stands in the way."""
    text = refusal({"APP_CONF": "/closed/pingme.yml"})

    assert text == (
        "/closed/pingme.yml: APP_CONF names it: expected a readable configuration file, got: Permission denied"
    )


# --- what an operator gets wrong --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"APP_PORT": "9090"}, "app.port"),
        ({"PINGME_METRICS__PORT": "8080"}, "metrics.port"),
        ({"APP_PORT": "9090", "APP_HOST": "localhost"}, "app.port"),
        ({"APP_PORT": "9090", "APP_HOST": "10.0.0.1", "PINGME_METRICS__HOST": "0.0.0.0"}, "app.port"),
    ],
)
def test_one_port_cannot_be_had_twice(folder, environ, name):
    """The port of clients and that of the figures differ, where both are on one address."""
    text = refusal(environ)

    assert f": {name}: expected different ports" in text
    assert "PINGME_METRICS__PORT=" in text


@pytest.mark.parametrize(
    "environ",
    [
        {"APP_PORT": "0", "PINGME_METRICS__PORT": "0"},
        {"APP_PORT": "9090", "APP_HOST": "10.0.0.1"},
    ],
)
def test_ports_that_do_not_meet_are_fine(folder, environ):
    """0 is no port, and another address is another port."""
    load_settings(environ=environ)


def test_a_home_is_expanded(folder, monkeypatch):
    """`~` in the file and in the environment is the home, as a shell would have it."""
    monkeypatch.setenv("HOME", "/home/ada")
    write(folder, "app:\n  data_dir: ~/pingme\n")

    settings = load_settings(environ={"PINGME_DATABASE__PATH": "~/store.db"})

    assert settings.data_dir == Path("/home/ada/pingme")
    assert settings.sqlite_path == Path("/home/ada/store.db")
    assert "expected path" in refusal({"PINGME_APP__DATA_DIR": "~nobody-has-this-name/x"})


def test_an_empty_folder_is_refused(folder):
    """It would be the current one."""
    write(folder, 'app:\n  data_dir: ""\n')

    assert 'config/local.yml:2: app.data_dir: expected path, got ""' in refusal()


def test_a_home_is_needed_only_where_no_folder_is_set(folder, monkeypatch):
    """A user without one may say where the data is; otherwise one line says what to set."""

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)

    assert load_settings(environ={"PINGME_APP__DATA_DIR": "/srv/x"}).data_dir == Path("/srv/x")
    assert "set PINGME_APP__DATA_DIR" in refusal()


@pytest.mark.parametrize("host", ["a..b", ".", "x" * 64])
def test_a_host_that_no_resolver_takes_is_refused(folder, host):
    """Here, and not by a traceback of the start."""
    assert "metrics.host: expected" in refusal({"PINGME_METRICS__HOST": host})


@pytest.mark.parametrize("host", ["::1", "localhost", "chat.example.org.", "bücher.example"])
def test_hosts_are_taken_as_they_are(folder, host):
    """Addresses and names of every kind."""
    assert load_settings(environ={"APP_HOST": host}).app.host == host
