"""Measures the Kafka log alone, produce → consume → done, on a real broker: ``python -m tests.figures.kafka_log``.

One process is producer and consumer, as a node is. CPU is of this process, the threads of librdkafka included, not the
broker's, which is printed beside it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import uuid
from pathlib import Path

import uvloop

from pingme.adapters.clock_system import SystemClock
from pingme.adapters.log_kafka import KafkaLog
from pingme.adapters.log_kafka_lane import KafkaLane
from pingme.domain.events import Command, MessageBody, make_command
from pingme.ports.log import Origin, Record
from tests.services.kafka import Kafka

COUNT = 100_000
IN_FLIGHT = 2_000
CONVERSATIONS = 1_000
RATES = (500, 5_000)
RATE_S = 10
BODY = MessageBody(content="x" * 64, content_type="text")


def command(number: int) -> Command:
    """Return a 64-byte message of a group."""
    return make_command(
        "message",
        sender_id="u06h0va6fipcd6b6b8pdrtraa18",
        msg_id=f"018f2b6e-7c1a-7abc-8def-{number:012x}",
        conversation_id=f"g{number % CONVERSATIONS:026d}",
        body=BODY,
    )


async def closed_loop(log: KafkaLog, lane: KafkaLane) -> None:
    """Send as fast as records come back, with a bounded number in flight."""
    commands = [command(number) for number in range(COUNT)]
    last = [0] * log.partitions  # as `pingme.pipeline.direct` links the records of a busy node
    began, cpu, loop_cpu = time.monotonic(), time.process_time(), time.thread_time()
    sent = done = 0
    while done < COUNT:
        while sent < COUNT and sent - done < IN_FLIGHT:
            partition = log.partition_of(commands[sent].conversation_id)
            log.append(Record(commands[sent], Origin("n0123456789abcdef", sent + 1), after=last[partition]))
            sent += 1
            last[partition] = sent
        records = await lane.take(max_records=1_000, timeout_ms=1_000)
        assert not lane.withdrawn(), (
            "the group took this process for dead: the machine is too busy to measure"
        )
        await lane.done(records)
        done += len(records)
    seconds = time.monotonic() - began
    print(
        f"closed loop, {IN_FLIGHT} in flight: {COUNT / seconds:,.0f} messages/s,"
        f" {(time.process_time() - cpu) / COUNT * 1e6:.1f} µs of CPU a message,"
        f" {(time.thread_time() - loop_cpu) / COUNT * 1e6:.1f} of them in the event loop"
    )


async def open_loop(log: KafkaLog, lane: KafkaLane, rate: int) -> None:
    """Send at a fixed rate and take the time from append to take."""
    total = rate * RATE_S
    sent_at = [0.0] * total
    times: list[float] = []
    cpu = time.process_time()

    async def send() -> None:
        began = time.monotonic()
        for number in range(total):
            delay = began + number / rate - time.monotonic()
            if delay > 0:
                await asyncio.sleep(delay)
            sent_at[number] = time.monotonic()
            log.append(Record(command(number), Origin("n0123456789abcdef", number)))

    sending = asyncio.create_task(send())
    while len(times) < total:
        records = await lane.take(max_records=1_000, timeout_ms=1_000)
        now = time.monotonic()
        times += [now - sent_at[record.origin.attempt] for record in records if record.origin is not None]
        await lane.done(records)
    await sending
    times.sort()
    print(
        f"{rate:,} messages/s: from append to take p50 {times[total // 2] * 1000:.1f} ms,"
        f" p99 {times[total * 99 // 100] * 1000:.1f} ms;"
        f" {(time.process_time() - cpu) / total * 1e6:.0f} µs of CPU a message"
    )


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(broker: Kafka) -> None:
    """Run all measurements on one topic."""
    name = f"t{uuid.uuid4().hex[:8]}"
    log = KafkaLog(
        broker.env()["KAFKA_BROKERS"], f"{name}-messages", name, SystemClock(),
        limit_records=100_000, direct_after_ms=1_500, epoch="figures",
    )  # fmt: skip
    (lane,) = log.lanes(1)
    await log.check()
    log.start()
    log.append(Record(command(0), None))
    while not await lane.take(max_records=1, timeout_ms=1_000):
        pass
    before = cpu_of(broker.pid)
    await closed_loop(log, lane)
    print(f"the broker: {(cpu_of(broker.pid) - before) / COUNT * 1e6:.1f} µs of CPU a message")
    for rate in RATES:
        await open_loop(log, lane, rate)
    await log.close()


def main() -> None:
    """Start a broker, measure, stop it."""
    broker = Kafka()
    missing = broker.missing()
    if missing is not None:
        sys.exit(missing)
    with tempfile.TemporaryDirectory(prefix="pingme-kafka-") as folder:
        broker.start(Path(folder))
        try:
            uvloop.run(measure(broker))  # as the server runs
        finally:
            broker.stop()


if __name__ == "__main__":
    main()
