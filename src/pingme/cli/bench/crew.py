"""The load processes, seen from the parent."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from multiprocessing import connection as pipes
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from pingme.cli.bench import worker
from pingme.cli.bench.job import Job, PartResult
from pingme.domain.errors import PingMeError

POLL_S = 0.1  # between two looks at the server
LEFT_WITHIN_S = 10.0

Barrier = Callable[[str, Sequence[Any]], Any]


class Crew:
    """Starts a process per job and runs them to their end; a context manager that ends what still runs.

    Args:
        jobs: one per process.
        cores: where they run; empty = anywhere.
    """

    def __init__(self, jobs: Sequence[Job], cores: Sequence[int]) -> None:
        self._jobs = jobs
        self._cores = cores
        self._pipes: list[Connection] = []
        self._processes: list[SpawnProcess] = []

    def __enter__(self) -> Crew:
        context = multiprocessing.get_context("spawn")
        for job in self._jobs:
            ours, theirs = context.Pipe()
            process = context.Process(target=worker.main, args=(theirs, job), daemon=True)
            process.start()
            theirs.close()
            if self._cores and process.pid is not None:
                os.sched_setaffinity(process.pid, self._cores)
            self._pipes.append(ours)
            self._processes.append(process)
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(LEFT_WITHIN_S if process.exitcode is not None else 0.5)
            if process.is_alive():
                process.kill()
                process.join()

    def run(
        self, barrier: Barrier, *, poll: Callable[[], None], progress: Callable[[int, int], None]
    ) -> list[PartResult]:
        """Answer barriers until every process has brought its result.

        Args:
            barrier: called with a name and all payloads; returns what every process gets.
            poll: called some ten times a second.
            progress: called with done and total over all processes.

        Raises:
            PingMeError: a process failed; the others are ended by `__exit__`.
        """
        results: dict[int, PartResult] = {}
        waiting: dict[int, tuple[str, Any]] = {}
        done: dict[int, tuple[int, int]] = {}
        while len(results) < len(self._pipes):
            # A process that has brought its result ends, and its pipe with it.
            running = [pipe for index, pipe in enumerate(self._pipes) if index not in results]
            for pipe in pipes.wait(running, timeout=POLL_S):
                assert isinstance(pipe, Connection)
                index = self._pipes.index(pipe)
                match self._receive(pipe):
                    case ("barrier", name, payload):
                        waiting[index] = (name, payload)
                    case ("progress", part, total):
                        done[index] = (part, total)
                        progress(sum(a for a, _ in done.values()), sum(b for _, b in done.values()))
                    case ("result", result):
                        results[index] = result
                    case ("failed", text):
                        raise PingMeError(text)
            poll()
            if len(waiting) == len(self._pipes):
                (name,) = {name for name, _ in waiting.values()}
                answer = barrier(name, [payload for _, payload in waiting.values()])
                waiting.clear()
                for pipe in self._pipes:
                    pipe.send(answer)
        return list(results.values())

    def _receive(self, pipe: Connection) -> Any:
        try:
            return pipe.recv()
        except EOFError as exc:
            raise PingMeError("a load process ended by itself") from exc
