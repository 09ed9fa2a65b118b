"""Handlers of messages over TCP and their clients: none is forgotten, none works for a client that is gone, none takes all turns."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import dns.opcode
import dns.rdatatype
import pytest

from nsblast.errors import StoreCorrupt
from nsblast.serve.handover import Answers, Request
from tests.unit.serve.conftest import Client, Rig, query, rigged, wire

Loop = Callable[[Callable[[], Awaitable[None]]], None]
NOTIFY = bytes((dns.opcode.NOTIFY << 3, 0))


def notify(number: int) -> bytes:
    packet = query("example.", "SOA", number)
    return packet[:2] + NOTIFY + packet[4:]


async def gone(rig: Rig, seconds: float = 1) -> bool:
    """Whether no handler is at work any more before so much time has passed."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while rig.tcp._tasks and loop.time() < end:
        await asyncio.sleep(0.01)
    return not rig.tcp._tasks and not rig.tcp._blocked


def reset(client: Client) -> None:
    client.writer.transport.abort()


def test_pipelined_messages_for_python_need_no_sweep(in_loop: Loop) -> None:
    """Each turn of the stream may hand over the next: nothing waits for the sweeper, which comes once a second."""

    async def test() -> None:
        async with rigged() as rig:
            client = await rig.connect()
            began = asyncio.get_running_loop().time()
            client.send(*[notify(n) for n in range(20)], query("www.example.", number=20))
            assert [(await client.receive())[:2] for _ in range(21)] == [struct.pack("!H", n) for n in range(21)]
            assert asyncio.get_running_loop().time() - began < 0.8

    in_loop(test)


def test_more_handlers_than_one_connection_may_have_need_no_sweep(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            ends = asyncio.Event()

            async def slow(request: Request) -> Answers:
                await ends.wait()
                return request.packet

            rig.handover.on_opcode(dns.opcode.NOTIFY, slow)
            client = await rig.connect()
            client.send(*[notify(n) for n in range(70)], query("www.example.", number=70))
            await asyncio.sleep(0.2)
            began = asyncio.get_running_loop().time()
            ends.set()
            assert {(await client.receive())[:2] for _ in range(71)} == {struct.pack("!H", n) for n in range(71)}
            assert asyncio.get_running_loop().time() - began < 0.8

    in_loop(test)


def test_two_streams_on_one_connection_both_end(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:

            async def many(request: Request) -> AsyncIterator[bytes]:
                for _ in range(100):
                    yield request.packet[:2] + bytes(30000)

            async def transfer(request: Request) -> Answers:
                return many(request)

            rig.handover.on_type(dns.rdatatype.AXFR, transfer)
            client = await rig.connect()
            client.send(query("example.", "AXFR", 1), query("example.", "AXFR", 2))
            await asyncio.sleep(0.1)
            assert len(rig.tcp._blocked) == 2
            numbers = [(await client.receive())[:2] for _ in range(200)]
            assert sorted(numbers) == [b"\0\1"] * 100 + [b"\0\2"] * 100
            assert await gone(rig)

    in_loop(test)


def test_handler_ends_when_its_client_is_gone(in_loop: Loop) -> None:
    """Whether it waits for its client or for something else."""

    async def test() -> None:
        async with rigged() as rig:
            closed = []

            async def many(request: Request) -> AsyncIterator[bytes]:
                try:
                    while True:
                        yield request.packet[:2] + bytes(60000)
                finally:
                    closed.append(request.packet[:2])

            async def transfer(request: Request) -> Answers:
                return many(request)

            async def never(_: Request) -> Answers:
                await asyncio.Event().wait()
                raise AssertionError

            rig.handover.on_type(dns.rdatatype.AXFR, transfer)
            rig.handover.on_opcode(dns.opcode.NOTIFY, never)
            client = await rig.connect()
            client.send(query("example.", "AXFR", 1), notify(2), query("example.", "AXFR", 3))
            await asyncio.sleep(0.1)
            assert len(rig.tcp._tasks) == 3
            reset(client)
            assert await gone(rig)
            assert sorted(closed) == [b"\0\1", b"\0\3"]

    in_loop(test)


def test_handler_that_fails_takes_its_neighbours_along(in_loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with rigged() as rig:

            async def many(request: Request) -> AsyncIterator[bytes]:
                while True:
                    yield request.packet[:2] + bytes(60000)

            async def transfer(request: Request) -> Answers:
                return many(request)

            async def fails(_: Request) -> Answers:
                await asyncio.sleep(0.1)
                raise StoreCorrupt("block checksum mismatch")

            rig.handover.on_type(dns.rdatatype.AXFR, transfer)
            rig.handover.on_opcode(dns.opcode.NOTIFY, fails)
            client = await rig.connect()
            client.send(query("example.", "AXFR", 1), notify(2))
            await asyncio.sleep(0.05)
            assert len(rig.tcp._blocked) == 1
            assert await gone(rig)
            assert len(rig.tcp) == 0

    in_loop(test)


def test_long_answer_to_a_fast_client_leaves_others_their_turn(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            made = 0

            async def many(request: Request) -> AsyncIterator[bytes]:
                nonlocal made
                for _ in range(20000):
                    made += 1
                    yield request.packet[:2] + bytes(20)

            async def transfer(request: Request) -> Answers:
                return many(request)

            rig.handover.on_type(dns.rdatatype.AXFR, transfer)
            client, other = await rig.connect(), await rig.connect()
            client.send(query("example.", "AXFR", 1))
            while not made:
                await asyncio.sleep(0)
            other.send(query("www.example.", number=2))
            assert (await other.receive())[:2] == b"\0\2"
            assert made < 20000

    in_loop(test)


def test_two_refused_on_one_connection_whose_client_is_gone(in_loop: Loop) -> None:
    """The first SERVFAIL meets the reset; the second message's place is gone with the connection."""

    async def test() -> None:
        async with rigged() as rig:
            trouble: list[dict[str, object]] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: trouble.append(context))
            rig.store.broken |= {wire("www.example."), wire("txt.example.")}
            rig.store.horizon = 6
            client = await rig.connect()
            client.send(query("www.example.", number=1), query("txt.example.", number=2))
            await asyncio.sleep(0.05)
            reset(client)
            rig.store.done = 6
            await asyncio.sleep(0.2)
            assert not trouble
            assert len(rig.tcp) == 0

    in_loop(test)
