"""`python -m bench`: 100 pairs, and one group of 200, against a server of its own on the other core.

python -m bench [pairs|group|all] [--seconds 5] [--in-flight N] [--rate N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import picows
import uvloop

from bench.world import BenchUser, prepare
from pingme.domain.ids import uuid7

CONTENT = "x" * 64


class Load:
    """Counts what comes back, over all connections."""

    def __init__(self) -> None:
        self.acks = 0
        self.deliveries = 0
        self.errors = 0
        self.latencies: list[float] = []
        self.counting = False


class BenchClient(picows.WSListener):
    """One user; keeps ``in_flight`` messages unanswered."""

    def __init__(self, load: Load, user: BenchUser, target: dict[str, str], in_flight: int) -> None:
        self.load = load
        self.user = user
        self.target = target
        self.in_flight = in_flight
        self.sent: list[float] = []
        self.head = 0
        self.ready = asyncio.get_running_loop().create_future()
        self.running = False
        self.tail = f'","content":"{CONTENT}",{json.dumps(target)[1:-1]}}}}}'.encode()

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Authenticate."""
        self.transport = transport
        frame = {"type": "auth", "payload": {"token": self.user.token, "protocol": 1}}
        transport.send(picows.WSMsgType.TEXT, json.dumps(frame).encode())

    def send_one(self) -> None:
        """Send a message with a time-ordered msg_id."""
        msg_id = uuid7(time.time_ns() // 1_000_000, os.urandom(10))
        self.sent.append(time.perf_counter())
        self.transport.send(
            picows.WSMsgType.TEXT, b'{"type":"send","payload":{"msg_id":"' + msg_id.encode() + self.tail
        )

    def start(self) -> None:
        """Begin the closed loop."""
        self.running = True
        for _ in range(self.in_flight):
            self.send_one()

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:  # noqa: ARG002
        """Count; every ack lets the next message go."""
        data = frame.get_payload_as_bytes()
        kind = data[9:16]
        if kind == b"message" and data[16:17] == b'"':
            self.load.deliveries += 1
        elif kind == b"message":
            load = self.load
            load.acks += 1
            if load.counting:
                load.latencies.append(time.perf_counter() - self.sent[self.head])
            self.head += 1
            if self.head > 4096:
                del self.sent[: self.head]
                self.head = 0
            if self.running and self.in_flight:
                self.send_one()
        elif kind == b"auth_ok":
            self.ready.set_result(None)
        elif kind[:5] == b"error" or kind == b"auth_fa":
            self.load.errors += 1
            print(data, file=sys.stderr)  # a benchmark talks


async def connect(
    load: Load, url: str, user: BenchUser, target: dict[str, str], in_flight: int
) -> BenchClient:
    """Return a connected, authenticated client."""
    _, client = await picows.ws_connect(
        lambda: BenchClient(load, user, target, in_flight), url, enable_auto_pong=True
    )
    await client.ready
    return client


async def paced(clients: list[BenchClient], rate: float, seconds: float) -> None:
    """Send at a fixed rate over all clients, from the intended times."""
    start = time.perf_counter()
    count = 0
    while (now := time.perf_counter() - start) < seconds:
        due = int(now * rate)
        while count < due:
            clients[count % len(clients)].send_one()
            count += 1
        await asyncio.sleep(0.001)


async def measure(
    scenario: str, url: str, users: list[BenchUser], args: argparse.Namespace
) -> dict[str, object]:
    """Run one scenario and return its figures."""
    load = Load()
    clients: list[BenchClient] = []
    if scenario == "pairs":
        half = len(users) // 2
        for number, user in enumerate(users):
            peer = users[(number + half) % len(users)]
            in_flight = args.in_flight or 8
            clients.append(await connect(load, url, user, {"to_user_id": peer.user_id}, in_flight))
        senders = clients[:half]
    else:
        in_flight = args.in_flight or 16
        clients = [await connect(load, url, user, {"group_id": "gbench"}, in_flight) for user in users]
        senders = clients[:1]
    if args.rate:
        for client in senders:
            client.in_flight = 0
        pacing = asyncio.create_task(paced(senders, args.rate, args.seconds + 2.0))
    else:
        for client in senders:
            client.start()
    await asyncio.sleep(1.5)
    before, started = (load.acks, load.deliveries), time.perf_counter()
    load.counting = True
    await asyncio.sleep(args.seconds)
    elapsed = time.perf_counter() - started
    acks, deliveries = load.acks - before[0], load.deliveries - before[1]
    load.counting = False
    for client in clients:
        client.running = False
    if args.rate:
        await pacing
    await asyncio.sleep(0.3)
    for client in clients:
        client.transport.disconnect()
    ordered = sorted(load.latencies)

    def percentile(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 2) if ordered else 0.0

    return {
        "scenario": scenario,
        "acks_per_s": round(acks / elapsed),
        "deliveries_per_s": round(deliveries / elapsed),
        "ack_p50_ms": percentile(0.5),
        "ack_p99_ms": percentile(0.99),
        "ack_p999_ms": percentile(0.999),
        "errors": load.errors,
    }


def run(scenario: str, args: argparse.Namespace) -> dict[str, object]:
    """Start a server on core 0, load it from core 1, stop it."""
    with tempfile.TemporaryDirectory(prefix="pingme-bench-", dir=args.dir) as folder:
        data_dir = Path(folder) / "data"
        users = prepare(data_dir, args.users or 200, group=scenario == "group")
        environment = os.environ | {
            "APP_PORT": str(args.port),
            "APP_HOST": "127.0.0.1",
            "PINGME_APP__DATA_DIR": str(data_dir),
            "PINGME_METRICS__PORT": "0",
            "PINGME_LIMITS__SENDS_PER_S": "0",
            "PINGME_LOGGING__LEVEL": "warning",
        }
        command = (
            [*args.server.split()]
            if args.server
            else [sys.executable, "-c", "from pingme.cli.app import main; main()", "serve"]
        )
        server = subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.DEVNULL)  # our own
        os.sched_setaffinity(server.pid, {0})
        os.sched_setaffinity(0, {1})
        try:
            wait_ready(args.port)
            result = uvloop.run(measure(scenario, f"ws://127.0.0.1:{args.port}/ws", users, args))
            result["server_cpu_s"] = cpu_seconds(server.pid)
            return result
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def wait_ready(port: int) -> None:
    """Wait until the server answers."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=1):  # loopback
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server does not start")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Parse the command line and print one line of JSON per scenario."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("scenario", nargs="?", default="all", choices=["pairs", "group", "all"])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument(
        "--in-flight", type=int, default=0, help="unanswered messages per sender (pairs 8, group 16)"
    )
    parser.add_argument(
        "--rate", type=float, default=0, help="messages per second over all senders; 0 = closed loop"
    )
    parser.add_argument("--users", type=int, default=0, help="default 200")
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument(
        "--dir", default=None, help="where the data folder is made: the disk that is measured"
    )
    parser.add_argument("--server", default="", help="another command that serves")
    args = parser.parse_args()
    print(
        json.dumps(
            {"machine": platform.machine(), "python": platform.python_version(), "cores": os.cpu_count()}
        )
    )
    for scenario in ["pairs", "group"] if args.scenario == "all" else [args.scenario]:
        print(json.dumps(run(scenario, args)))  # a benchmark talks


main()
