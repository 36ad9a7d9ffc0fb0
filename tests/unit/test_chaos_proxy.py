"""The fault proxy, on loopback, in front of a server that echoes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.chaos.proxy import MAX_PIECES, PIECE_BYTES, Direction, Proxy

Pipe = tuple[asyncio.StreamReader, asyncio.StreamWriter]
AT_ONCE_S = 5.0  # a bound for what should be immediate, on a busy machine
MEANWHILE_S = 0.05  # long enough for loopback, when nothing must come


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def proxied() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Proxy("127.0.0.1", port) as proxy:
        yield proxy
    server.close()


async def dial(proxy: Proxy) -> Pipe:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def ask(pipe: Pipe, text: bytes) -> bytes:
    pipe[1].write(text)
    await pipe[1].drain()
    async with asyncio.timeout(AT_ONCE_S):
        return await pipe[0].readexactly(len(text))


async def hears_nothing(pipe: Pipe) -> bool:
    try:
        async with asyncio.timeout(MEANWHILE_S):
            await pipe[0].readexactly(1)
    except TimeoutError:
        return True
    return False


async def test_without_a_fault_everything_passes():
    """Bytes come back as they went, and the end of the stream does too."""
    async with proxied() as proxy:
        pipe = await dial(proxy)
        big = bytes(range(256)) * 4096
        writing = asyncio.create_task(ask(pipe, big))

        assert await writing == big
        pipe[1].write_eof()
        assert await pipe[0].read() == b""
        assert proxy.passed.bytes[Direction.UP] == proxy.passed.bytes[Direction.DOWN] == len(big)
        pipe[1].close()


async def test_cut_resets_what_is_open_and_only_that():
    """Open connections see a reset at once; a new one works."""
    async with proxied() as proxy:
        pipe = await dial(proxy)
        await ask(pipe, b"hello")

        assert proxy.cut() == 1
        with pytest.raises(ConnectionResetError):
            await pipe[0].readexactly(1)
        pipe[1].close()
        again = await dial(proxy)
        assert await ask(again, b"again") == b"again"
        again[1].close()


async def test_a_black_hole_holds_everything_until_it_heals():
    """Nothing comes and nothing is closed; afterwards what was sent arrives, in order."""
    async with proxied() as proxy:
        pipe = await dial(proxy)
        await ask(pipe, b"hello")
        proxy.black_hole()
        pipe[1].write(b"first ")
        pipe[1].write(b"second")
        newcomer = await dial(proxy)
        newcomer[1].write(b"x")

        assert await hears_nothing(pipe)
        assert await hears_nothing(newcomer)
        await proxy.heal()
        async with asyncio.timeout(AT_ONCE_S):
            assert await pipe[0].readexactly(12) == b"first second"
            assert await newcomer[0].readexactly(1) == b"x"
        pipe[1].close()
        newcomer[1].close()


async def test_one_direction_can_fail_alone():
    """With a black hole on the way back, the target still gets everything."""
    async with proxied() as proxy:
        pipe = await dial(proxy)
        await ask(pipe, b"hello")
        proxy.black_hole([Direction.DOWN])
        pipe[1].write(b"heard")

        assert await hears_nothing(pipe)
        assert proxy.passed.bytes[Direction.UP] == 10
        assert proxy.passed.bytes[Direction.DOWN] == 5
        pipe[1].close()


async def test_a_black_hole_keeps_a_bounded_amount():
    """A sender into a black hole is held up by TCP: the proxy does not keep it all."""
    async with proxied() as proxy:
        pipe = await dial(proxy)
        await ask(pipe, b"hello")
        proxy.black_hole([Direction.UP])
        pipe[1].write(bytes(64 * MAX_PIECES * PIECE_BYTES))

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(MEANWHILE_S * 10):
                await pipe[1].drain()
        pipe[1].transport.abort()


async def test_delay_with_jitter_keeps_the_order():
    """Everything comes later, by the delay at least, and nothing overtakes."""
    async with proxied() as proxy:
        pipe = await dial(proxy)
        await ask(pipe, b"hello")
        proxy.delay(0.05, jitter_s=0.02, directions=[Direction.UP])
        clock = asyncio.get_running_loop().time
        began_s = clock()
        for number in range(10):
            pipe[1].write(b"%d" % number)
            await asyncio.sleep(0.002)  # pieces of their own

        assert await pipe[0].readexactly(10) == b"0123456789"
        assert clock() - began_s >= 0.05
        pipe[1].close()


async def test_throttle_lets_so_many_bytes_pass():
    """20 000 bytes at 100 000 a second take a fifth of a second at least."""
    async with proxied() as proxy:
        pipe = await dial(proxy)
        await ask(pipe, b"hello")
        proxy.throttle(100_000, directions=[Direction.DOWN])
        clock = asyncio.get_running_loop().time
        began_s = clock()

        await ask(pipe, bytes(20_000))

        assert clock() - began_s >= 0.2
        pipe[1].close()


async def test_refuse_lets_nobody_in_and_keeps_what_is_open():
    """A new connection is refused by the system; an open one works; after heal the same port answers."""
    async with proxied() as proxy:
        pipe = await dial(proxy)
        await ask(pipe, b"hello")
        await proxy.refuse()

        with pytest.raises(ConnectionRefusedError):
            await dial(proxy)
        assert await ask(pipe, b"still here") == b"still here"
        await proxy.heal()
        again = await dial(proxy)
        assert await ask(again, b"back") == b"back"
        for one in (pipe, again):
            one[1].close()


@pytest.mark.parametrize("count", [0, 1, 7, 11])
async def test_a_connection_is_cut_in_the_middle(count: int):
    """Exactly so many more bytes pass, then the connection is reset."""
    async with proxied() as proxy:
        pipe = await dial(proxy)
        await ask(pipe, b"hello")
        proxy.cut_after(count, [Direction.UP])
        pipe[1].write(b"hello world")

        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await pipe[0].readexactly(12)
        assert proxy.passed.bytes[Direction.UP] == 5 + count
        assert proxy.passed.cuts == 1
        pipe[1].close()


async def test_a_target_that_is_away_is_a_reset():
    """Whoever connects while the target is down is cut, and the proxy lives on."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    async with Proxy("127.0.0.1", port) as proxy:
        pipe = await dial(proxy)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await pipe[0].readexactly(1)
        pipe[1].close()
        assert proxy.passed.connections == 1
