"""A Kafka broker (KRaft, one node) with throw-away data, run from the jars of Maven Central.

The jars stay in `.cache/kafka` of the checkout, which git ignores; CI fetches them with Maven when they are not there.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.services.service import ROOT, ServiceFailed, apt_install, end, free_port, listens, tail, wait_until

VERSION = os.environ.get("PINGME_TEST_KAFKA_VERSION", "3.9.1")
JARS = ROOT / ".cache" / "kafka" / VERSION
HEAP_MIB = 512
ATTEMPTS = 3  # a free port may be taken before it is used

POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>pingme.tests</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""

# One node: every internal topic has one replica; a group's first member need not wait for others.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""


class Kafka:
    """A broker (`Service`). `kill` and `start_again` keep its data and its port."""

    name = "kafka"

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self._advertised = 0
        self.port = 0

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        assert self._process is not None
        return self._process.pid

    def missing(self) -> str | None:
        """See `Service.missing`."""
        if shutil.which("java") is None:
            return "java not found (Debian: default-jre-headless)"
        if not any(JARS.glob("kafka_2.13-*.jar")):
            return f"no jars in {JARS.relative_to(ROOT)} (fetch them: CI=true make test, with Maven)"
        return None

    def install(self) -> None:
        """See `Installable.install`."""
        if shutil.which("mvn") is None or shutil.which("java") is None:
            apt_install("maven", "default-jre-headless")
        fetch_jars()

    def advertise(self, port: int) -> None:
        """Tell clients this port of 127.0.0.1, where a proxy stands; called before the first start."""
        self._advertised = port

    def start(self, folder: Path) -> None:
        """See `Service.start`."""
        self._folder = folder
        for attempt in range(1, ATTEMPTS + 1):
            self.port, controller = free_port(), free_port()
            data = folder / "data"
            shutil.rmtree(data, ignore_errors=True)
            advertised = self._advertised or self.port
            text = PROPERTIES.format(port=self.port, controller=controller, advertised=advertised, data=data)
            (folder / "server.properties").write_text(text, "utf-8")
            self._format()
            try:
                self.start_again()
            except ServiceFailed:
                if attempt == ATTEMPTS:
                    raise
            else:
                return

    def start_again(self) -> None:
        """Start it on the data and the port that it had; returns when it answers.

        Raises:
            ServiceFailed: it does not start.
        """
        log = self._folder / "kafka.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", "server.properties"),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
                start_new_session=True,  # a Ctrl-C in the terminal is for whoever started it
            )
        wait_until(lambda: listens(self.port), self._process, log)

    def kill(self) -> None:
        """End it as a power cut of its process would."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        """Send the broker a signal, SIGSTOP and SIGCONT for instance."""
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """See `Service.stop`."""
        if self._process is not None:
            end(self._process)
            self._process = None

    def env(self) -> dict[str, str]:
        """See `Service.env`."""
        return {"KAFKA_BROKERS": f"127.0.0.1:{self.port}"}

    def _format(self) -> None:
        log = self._folder / "format.log"
        cluster_id = "cGluZ21lLXRlc3RzLTAwMQ"  # 22 characters of base64: any id will do
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", "server.properties")
        with log.open("ab") as output:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._folder, check=False
            )
        if done.returncode:
            raise ServiceFailed(f"the storage of Kafka cannot be formatted:\n{tail(log)}")

    @staticmethod
    def _java(*arguments: str) -> list[str]:
        return [
            "java", f"-Xmx{HEAP_MIB}m", "-Xms128m", "-XX:+UseSerialGC",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{JARS}/*", *arguments,
        ]  # fmt: skip


def fetch_jars() -> None:
    """Fetch the broker's jars with Maven into `JARS`; they are either all there or none."""
    part = JARS.with_name(f"{JARS.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    (part / "pom.xml").write_text(POM, "utf-8")
    command = [
        "mvn",
        "-q",
        "-B",
        "dependency:copy-dependencies",
        "-DoutputDirectory=.",
        "-DincludeScope=runtime",
    ]
    subprocess.run(command, cwd=part, check=True)
    (part / "pom.xml").unlink()
    shutil.rmtree(JARS, ignore_errors=True)
    part.rename(JARS)


if __name__ == "__main__":
    fetch_jars()
