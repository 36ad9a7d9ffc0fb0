"""The files in deploy/: as far as they can be checked without a container engine."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pingme.config import load_settings
from tests.services.service import insist_on_program

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SECRETS = ("JWT_SECRET", "DB_PASSWORD", "MYSQL_ROOT_PASSWORD", "REDIS_PASSWORD")
NODES = ("node-1", "node-2")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
    return parsed


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """The instructions with their arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines if line.strip()]


@pytest.fixture(scope="module")
def unit() -> dict[str, list[str]]:
    """The settings of the systemd unit; a key may come more than once."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "pingme.service").read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


# compose.yml


def test_compose_has_two_nodes_the_engines_and_a_proxy(compose: dict[str, Any]):
    """MySQL 8, Redis 7, Kafka 3 in KRaft mode, nginx; every image has a version."""
    images = {name: service["image"] for name, service in compose["services"].items()}

    assert set(images) == {"proxy", *NODES, "mysql", "redis", "kafka"}
    assert images["mysql"].startswith("mysql:8.")
    assert images["redis"].startswith("redis:7.")
    assert images["kafka"].startswith("apache/kafka:3.")
    assert "controller" in compose["services"]["kafka"]["environment"]["KAFKA_PROCESS_ROLES"]
    assert all(":" in image and not image.endswith(":latest") for image in images.values())


def test_everything_in_compose_has_a_health_check(compose: dict[str, Any], dockerfile: list[tuple[str, str]]):
    """The engines and the proxy in compose, the nodes in their image; a node waits until its engines are healthy."""
    for name, service in compose["services"].items():
        if name in NODES:
            assert set(service["depends_on"]) == {"mysql", "redis", "kafka"}
        else:
            assert service["healthcheck"]["test"]
        waits = service.get("depends_on", {}).values()
        assert all(each["condition"] == "service_healthy" for each in waits)
    assert "HEALTHCHECK" in dict(dockerfile)


def test_only_the_proxy_is_published(compose: dict[str, Any]):
    """No engine, no node and no metrics port can be reached from outside."""
    published = {
        name: service["ports"] for name, service in compose["services"].items() if "ports" in service
    }

    assert published == {"proxy": ["${PINGME_PORT:-8080}:8080"]}


def test_no_secret_has_a_default(compose: dict[str, Any]):
    """Each secret comes from the environment and must be set; the example names them all, without values."""
    text = (DEPLOY / "compose.yml").read_text(encoding="utf-8")
    uses = re.findall(r"\$\{([A-Z_]+)(:[?-])", text)
    assert {name for name, how in uses if how == ":?"} == set(SECRETS)
    assert {name for name, how in uses if how == ":-"} == {"PINGME_PORT"}
    for service in compose["services"].values():
        for key, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD", key):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?.+\}", value), key
    example = (DEPLOY / "example.env").read_text(encoding="utf-8")
    for name in SECRETS:
        assert f"\n{name}=\n" in example


def test_nodes_are_confined_and_get_time_to_stop(compose: dict[str, Any]):
    """Read-only, without capabilities, open files for connections, 30 s for SIGTERM."""
    for name in NODES:
        node = compose["services"][name]
        assert node["read_only"] is True
        assert node["cap_drop"] == ["ALL"]
        assert node["security_opt"] == ["no-new-privileges:true"]
        assert node["stop_grace_period"] == "30s"
        assert node["ulimits"]["nofile"] >= 65_536
        assert node["volumes"] == [f"{name}:/data"]


def test_the_environment_of_a_node_is_a_right_configuration(compose: dict[str, Any]):
    """The settings load in production and select MySQL, Redis and Kafka where compose has them."""
    secret = "s3cret-of-32-bytes-or-more-for-this-test-0123456789"
    for name in NODES:
        given = compose["services"][name]["environment"]
        environ = {key: re.sub(r"\$\{[A-Z_]+:\?.+\}", secret, value) for key, value in given.items()}
        settings = load_settings(environ=environ)

        assert settings.app.env == "production"
        assert settings.database.host in compose["services"]
        assert settings.database.name == compose["services"]["mysql"]["environment"]["MYSQL_DATABASE"]
        assert settings.database.username == compose["services"]["mysql"]["environment"]["MYSQL_USER"]
        assert settings.redis.host in compose["services"]
        assert [broker.partition(":")[0] for broker in settings.kafka.brokers] == ["kafka"]
        subnet = compose["networks"]["inside"]["ipam"]["config"][0]["subnet"]
        assert [str(network) for network in settings.app.trusted_proxies] == [subnet]


def test_mysql_flushes_every_commit(compose: dict[str, Any]):
    """An acknowledgement means stored: the settings that make a commit durable are given."""
    command = compose["services"]["mysql"]["command"]

    assert "--innodb-flush-log-at-trx-commit=1" in command
    assert "--sync-binlog=1" in command


def test_what_compose_mounts_and_builds_is_there(compose: dict[str, Any]):
    """Every path on this side of a mount exists, and every named volume is declared."""
    for service in compose["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert (DEPLOY / source).is_file() if source.startswith(".") else source in compose["volumes"]
        if build := service.get("build"):
            assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


# Dockerfile


def test_the_image_is_small_and_not_root(dockerfile: list[tuple[str, str]]):
    """Two stages on slim images of a pinned Python ≥ 3.11; it runs as a numbered user, not 0."""
    stages = [rest.split()[0] for name, rest in dockerfile if name == "FROM"]
    users = [rest for name, rest in dockerfile if name == "USER"]

    assert len(stages) == 2
    for stage in stages:
        match = re.fullmatch(r"python:3\.(\d+)-slim-\w+", stage)
        assert match is not None
        assert int(match[1]) >= 11
    assert users[-1].isdecimal()
    assert int(users[-1]) > 0


def test_every_source_of_the_image_is_there_and_in_the_context(dockerfile: list[tuple[str, str]]):
    """What COPY takes from the checkout exists, and .dockerignore lets it through."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    sources = [
        source
        for name, rest in dockerfile
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]

    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source.split("/")[0] in allowed, source
    assert "*" in ignore


def test_the_image_asks_whether_it_is_ready(dockerfile: list[tuple[str, str]]):
    """The health check asks /health/ready, in Python that compiles; the command gets signals itself."""
    found = dict(dockerfile)
    check = json.loads(found["HEALTHCHECK"].partition("CMD ")[2])

    assert check[:2] == ["python", "-c"]
    compile(check[2], "healthcheck", "exec")
    assert "/health/ready" in check[2]
    assert json.loads(found["ENTRYPOINT"]) == ["pingme"]
    assert json.loads(found["CMD"]) == ["serve"]
    assert not [
        rest for name, rest in dockerfile if name in ("ENV", "ARG") and re.search("SECRET|PASSWORD", rest)
    ]


# nginx.conf


def test_nginx_passes_websockets_on_and_waits_long_enough(compose: dict[str, Any]):
    """The upgrade headers and the browser's Host are there, for every node; the times fit the server's."""
    text = re.sub(r"#.*", "", (DEPLOY / "nginx.conf").read_text(encoding="utf-8"))
    settings = load_settings(environ={})

    for line in (
        "proxy_http_version 1.1;",
        "proxy_set_header Host $http_host;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection $connection_upgrade;",
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    ):
        assert line in text
    assert set(re.findall(r"server (node-\d+):8080", text)) == set(NODES)
    found = re.search(r"proxy_read_timeout (\d+)s;", text)
    assert found is not None
    assert int(found[1]) > settings.websocket.pong_timeout
    assert "client_max_body_size 64k;" in text
    assert settings.limits.body_bytes == 64 * 1024
    assert "non_idempotent" not in text


def test_nginx_accepts_its_configuration(tmp_path: Path):
    """`nginx -t` says so, with the nodes' names, which only compose's network knows, replaced."""
    insist_on_program("nginx", "nginx-light")
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    text = re.sub(r"node-(\d):8080 resolve", r"127.0.0.1:808\1", text)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {tmp_path};" for kind in kinds)
    config = tmp_path / "nginx.conf"
    config.write_text(text.replace("http {", f"pid {tmp_path}/pid;\nhttp {{ {paths}", 1), encoding="utf-8")
    command = ["nginx", "-t", "-p", str(tmp_path), "-e", "stderr", "-c", str(config)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


# pingme.service


def test_the_unit_is_hardened(unit: dict[str, list[str]]):
    """It gains no privileges, sees the system read-only, has files for connections and time to stop."""
    for key, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "User": "pingme",
        "LimitNOFILE": "65536",
        "TimeoutStopSec": "30",
        "KillSignal": "SIGTERM",
        "Restart": "on-failure",
        "StateDirectory": "pingme",
        "StateDirectoryMode": "0700",
        "CapabilityBoundingSet": "",
    }.items():
        assert unit[key] == [value], key
    assert unit["ExecStart"] == ["/opt/pingme/bin/pingme serve"]
    assert not [line for line in unit["Environment"] if re.search("SECRET|PASSWORD", line)]


def test_the_environment_of_the_unit_is_a_right_configuration(unit: dict[str, list[str]]):
    """With a secret in the environment file the settings load for production."""
    environ = dict(pair.split("=", 1) for pair in unit["Environment"][0].split())
    settings = load_settings(environ={**environ, "JWT_SECRET": "x" * 20 + "0123456789abcdefghijklmnopqrstuv"})

    assert settings.app.env == "production"
    assert settings.data_dir == Path("/var/lib/pingme")


def test_systemd_accepts_the_unit(tmp_path: Path):
    """`systemd-analyze verify` finds no fault; the command, which is not installed here, is replaced."""
    insist_on_program("systemd-analyze", "systemd")
    text = (DEPLOY / "pingme.service").read_text(encoding="utf-8")
    unit = tmp_path / "pingme.service"
    unit.write_text(text.replace("/opt/pingme/bin/pingme serve", "/bin/true"), encoding="utf-8")

    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "pingme.service" not in done.stderr, done.stderr


def test_the_unit_lets_the_documented_commands_work(unit: dict[str, list[str]]):
    """Backups and a log file have a place, and a checkpoint's thread may lower its priority (setpriority is of @resources)."""
    assert unit["ReadWritePaths"] == ["-/backup"]
    assert unit["LogsDirectory"] == ["pingme"]
    assert unit["LogsDirectoryMode"] == ["0700"]
    assert unit["SystemCallFilter"] == ["@system-service", "~@privileged @resources", "setpriority"]


def test_administrators_get_the_settings_of_the_unit(unit: dict[str, list[str]], tmp_path: Path):
    """The command for root has the unit's program, user, folder and variables, and those of its environment file."""
    text = (DEPLOY / "pingme-as-service").read_text(encoding="utf-8")
    for key in ("EnvironmentFile", "WorkingDirectory"):
        assert text.count(unit[key][0]) >= 1
    (tmp_path / "pingme.env").write_text("JWT_SECRET=a+b/c=\nDB_PASSWORD='two words'\n", encoding="utf-8")
    script = tmp_path / "pingme"
    here = {
        unit["EnvironmentFile"][0]: str(tmp_path / "pingme.env"),
        f"cd {unit['WorkingDirectory'][0]}": "cd /",
    }
    for there, instead in here.items():
        text = text.replace(there, instead)
    script.write_text(text, encoding="utf-8")
    runuser = tmp_path / "runuser"
    runuser.write_text('#!/bin/sh\nenv\necho "called: $*"\n', encoding="utf-8")
    runuser.chmod(0o755)

    done = subprocess.run(
        ["/bin/sh", str(script), "db", "backup", "/backup/x y.db"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    lines = done.stdout.splitlines()
    assert {*unit["Environment"][0].split(), "JWT_SECRET=a+b/c=", "DB_PASSWORD=two words"} <= set(lines)
    program = unit["ExecStart"][0].removesuffix(" serve")
    assert lines[-1] == f"called: -u {unit['User'][0]} -- {program} db backup /backup/x y.db"
    assert (DEPLOY / "pingme-as-service").stat().st_mode & 0o111


# config/cluster.yml


def test_the_cluster_file_has_the_defaults_of_the_engines():
    """Every engine is selected, with the names and values that the protocol promises."""
    settings = load_settings(path=ROOT / "config" / "cluster.yml", environ={})

    database, redis, kafka = settings.database, settings.redis, settings.kafka
    assert (database.host, database.port, database.username, database.name) == (
        "127.0.0.1",
        3306,
        "root",
        "im",
    )
    assert database.password.get_secret_value() == "root"
    assert (redis.host, redis.port, redis.db) == ("127.0.0.1", 6379, 0)
    assert kafka.brokers == ("127.0.0.1:9092",)
    assert (kafka.consumer_group, kafka.topic_prefix) == ("pingme-consumer", "pingme")
    retry = (
        kafka.retry_max_attempts,
        kafka.retry_initial_backoff,
        kafka.retry_max_backoff,
        kafka.retry_multiplier,
    )
    assert retry == (3, 100, 10_000, 2.0)
    assert kafka.enable_dlq is True


def test_the_unit_is_of_the_form_that_systemd_reads():
    """Three sections, nothing else."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(DEPLOY / "pingme.service", encoding="utf-8")

    assert parser.sections() == ["Unit", "Service", "Install"]
