"""TCP in the worker's loop (RFC 7766): framing in any pieces, pipelining, limits, slow clients, hand-over, draining."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import dns.message
import dns.rcode
import dns.rdatatype

from nsblast.serve.handover import Answers, Request
from tests.unit.serve.conftest import query, rigged, wire

Loop = Callable[[Callable[[], Awaitable[None]]], None]


def test_pipelined_queries_in_one_segment_and_in_single_octets(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            client = await rig.connect()
            client.send(*[query("www.example.", number=n) for n in range(300)])
            assert sorted([(await client.receive())[:2] for _ in range(300)]) == [
                struct.pack("!H", n) for n in range(300)
            ]
            stream = b"".join(struct.pack("!H", len(q)) + q for q in (query("ns.example.", number=n) for n in (7, 8)))
            for octet in stream:
                client.writer.write(bytes((octet,)))
                await client.writer.drain()
                await asyncio.sleep(0)
            assert [(await client.receive())[:2] for _ in range(2)] == [b"\0\7", b"\0\x08"]

    in_loop(test)


def test_waiting_query_does_not_hold_up_those_behind_it(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            client = await rig.connect()
            client.send(query("ns.example."))
            await client.receive()
            rig.store.horizon = 6
            client.send(query("www.example.", number=1), query("ns.example.", number=2))
            assert (await client.receive())[:2] == b"\0\2"
            rig.store.done = 6
            assert (await client.receive())[:2] == b"\0\1"

    in_loop(test)


def test_large_answer_and_more_of_them_than_one_call_has_room_for(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            client = await rig.connect()
            client.send(*[query("txt.example.", "TXT", n) for n in range(40)])
            answers = [await client.receive() for _ in range(40)]
            assert {len(a) for a in answers} == {len(answers[0])}
            assert len(answers[0]) > 50000
            assert [a[:2] for a in answers] == [struct.pack("!H", n) for n in range(40)]

    in_loop(test)


def test_store_damage_is_servfail(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            rig.store.broken.add(wire("www.example."))
            client = await rig.connect()
            client.send(query("www.example.", number=3), query("ns.example.", number=4))
            assert dns.message.from_wire(await client.receive()).rcode() == dns.rcode.SERVFAIL
            assert dns.message.from_wire(await client.receive()).rcode() == dns.rcode.NOERROR

    in_loop(test)


def test_idle_connection_is_closed_and_counted(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged(tcp_idle_timeout=0.2) as rig:
            client = await rig.connect()
            client.send(query("www.example."))
            await client.receive()
            assert await client.closed()
            assert rig.tcp.counts["idle"] == 1
            assert len(rig.tcp) == 0

    in_loop(test)


def test_message_begun_and_not_ended_is_cut_off(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged(tcp_query_timeout=0.2, tcp_idle_timeout=10) as rig:
            client = await rig.connect()
            client.writer.write(b"\x00\x50ab")
            for _ in range(6):
                # An octet now and then does not help: the message as a whole has its time.
                await asyncio.sleep(0.05)
                with contextlib.suppress(RuntimeError):  # uvloop's word for a connection that is gone
                    client.writer.write(b"c")
            assert await client.closed(1)
            assert rig.tcp.counts["slow"] == 1

    in_loop(test)


def test_client_that_does_not_read_is_cut_off_and_costs_bounded_memory(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged(tcp_write_timeout=0.3, tcp_idle_timeout=10) as rig:
            loop = asyncio.get_running_loop()
            with socket.socket() as raw:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                raw.setblocking(False)
                await loop.sock_connect(raw, rig.address)
                one = query("txt.example.", "TXT")
                framed = struct.pack("!H", len(one)) + one
                await loop.sock_sendall(raw, framed * 400)
                await asyncio.sleep(0.1)
                assert len(rig.tcp) == 1
                assert 0 < rig.tcp.memory < 1 << 20
                deadline = loop.time() + 3
                while len(rig.tcp) and loop.time() < deadline:
                    await asyncio.sleep(0.02)
                assert len(rig.tcp) == 0
                assert rig.tcp.counts["slow"] == 1

    in_loop(test)


def test_one_address_gets_so_many_connections_and_no_more(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged(tcp_per_address=3) as rig:
            clients = [await rig.connect() for _ in range(3)]
            for client in clients:
                client.send(query("www.example."))
                await client.receive()
            assert await (await rig.connect()).closed()
            assert rig.tcp.counts["refused"] == 1
            clients[0].writer.close()
            await asyncio.sleep(0.05)
            again = await rig.connect()
            again.send(query("www.example."))
            assert await again.receive()

    in_loop(test)


def test_longest_idle_connection_gives_way(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged(tcp_connections=2) as rig:
            first, second = await rig.connect(), await rig.connect()
            for client in (first, second, first):
                client.send(query("www.example."))
                await client.receive()
            third = await rig.connect()
            third.send(query("www.example."))
            assert await third.receive()
            assert await second.closed()
            first.send(query("www.example."))
            assert await first.receive()
            assert rig.tcp.counts["evicted"] == 1

    in_loop(test)


def test_half_a_message_holds_no_place_that_others_want(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged(tcp_connections=3, tcp_query_timeout=60) as rig:
            slow = [await rig.connect() for _ in range(3)]
            for client in (slow[1], slow[0], slow[2]):
                client.writer.write(b"\x00\x50ab")
                await asyncio.sleep(0.05)
            for gone in (slow[1], slow[0]):
                new = await rig.connect()
                new.send(query("www.example."))
                assert await new.receive()
                assert await gone.closed()
                new.writer.write(b"\x00\x50ab")  # it owes one now too
                await asyncio.sleep(0.05)
            assert (len(rig.tcp), rig.tcp.counts["evicted"], rig.tcp.counts["refused"]) == (3, 2, 0)

    in_loop(test)


def test_who_does_not_take_answers_holds_no_place_that_others_want(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged(tcp_connections=2, tcp_write_timeout=60) as rig:
            loop = asyncio.get_running_loop()
            one = query("txt.example.", "TXT")
            with socket.socket() as first, socket.socket() as second:
                for raw in (first, second):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    raw.setblocking(False)
                    await loop.sock_connect(raw, rig.address)
                    await loop.sock_sendall(raw, (struct.pack("!H", len(one)) + one) * 400)
                    await asyncio.sleep(0.1)
                assert (len(rig.tcp), rig.tcp.memory > 0) == (2, True)
                new = await rig.connect()
                new.send(query("www.example."))
                assert await new.receive()
                assert (len(rig.tcp), rig.tcp.counts["evicted"], rig.tcp.counts["refused"]) == (2, 1, 0)
                new.send(query("www.example."))  # the other one stays, as long as this one may give way
                assert await new.receive()

    in_loop(test)


def test_lifetime_ends_even_a_busy_connection(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged(tcp_lifetime=0.3, tcp_idle_timeout=0.5) as rig:
            client = await rig.connect()
            ended = False
            for _ in range(100):
                client.send(query("www.example."))
                try:
                    await client.receive()
                except (asyncio.IncompleteReadError, ConnectionError):
                    ended = True
                    break
                await asyncio.sleep(0.01)
            assert ended

    in_loop(test)


def test_client_that_ends_its_side_still_gets_its_answers(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            client = await rig.connect()
            rig.store.horizon = 6
            client.send(query("www.example.", number=9))
            client.writer.write_eof()
            await asyncio.sleep(0.05)
            rig.store.done = 6
            assert (await client.receive())[:2] == b"\0\x09"
            assert await client.closed()

    in_loop(test)


def test_transfer_nobody_serves_is_refused(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            client = await rig.connect()
            client.send(query("example.", "AXFR", 5), query("www.example.", number=6))
            refused = dns.message.from_wire(await client.receive())
            assert (refused.id, refused.rcode()) == (5, dns.rcode.REFUSED)
            assert (await client.receive())[:2] == b"\0\6"

    in_loop(test)


def test_stream_of_a_handler_is_as_fast_as_its_client(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            made = 0

            async def many(request: Request) -> AsyncIterator[bytes]:
                nonlocal made
                for _ in range(500):
                    made += 1
                    yield request.packet[:2] + bytes(20000)

            async def transfer(request: Request) -> Answers:
                return many(request)

            rig.handover.on_type(dns.rdatatype.AXFR, transfer)
            client = await rig.connect()
            client.send(query("example.", "AXFR", 5))
            await asyncio.sleep(0.3)
            assert made < 500
            assert sum([(await client.receive())[:2] == b"\0\5" for _ in range(500)]) == 500

    in_loop(test)


def test_drain_ends_idle_ones_at_once_and_waits_for_the_rest(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            idle, busy = await rig.connect(), await rig.connect()
            idle.send(query("ns.example."))
            await idle.receive()
            rig.store.horizon = 6
            busy.send(query("www.example.", number=9))
            await asyncio.sleep(0.05)
            draining = asyncio.create_task(rig.tcp.drain(2))
            assert await idle.closed(1)
            assert not draining.done()
            rig.store.done = 6
            assert (await busy.receive())[:2] == b"\0\x09"
            assert await busy.closed(1)
            await asyncio.wait_for(draining, 1)

    in_loop(test)
