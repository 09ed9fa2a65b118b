"""UDP in the worker's loop: misses are filled, moving zones waited for, hand-over answered, the store's damage survived."""

import asyncio
import ctypes
import os
import socket
import struct
import threading
from collections.abc import Awaitable, Callable

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import pytest

from nsblast.errors import StoreCorrupt
from nsblast.serve.handover import Answers, Request
from tests.unit.serve.conftest import ZONE, query, rigged, wire

Loop = Callable[[Callable[[], Awaitable[None]]], None]


def test_misses_are_filled_and_answered(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            answer = dns.message.from_wire(await rig.ask(query("www.example.", number=77)))
            assert answer.id == 77
            assert answer.rcode() == dns.rcode.NOERROR
            assert [str(rr) for rr in answer.answer] == ["www.example. 300 IN A 192.0.2.2"]
            assert wire("www.example.") in rig.store.fetched
            before = len(rig.store.fetched)
            await rig.ask(query("www.example."))
            assert len(rig.store.fetched) == before
            missing = dns.message.from_wire(await rig.ask(query("no.such.example.")))
            assert missing.rcode() == dns.rcode.NXDOMAIN

    in_loop(test)


def test_misses_wait_while_the_secondary_is_ahead(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            rig.store.horizon = 6
            asking = asyncio.create_task(rig.ask(query("www.example.")))
            await asyncio.sleep(0.05)
            assert not asking.done()
            assert not rig.store.fetched
            rig.store.done = 6
            assert dns.message.from_wire(await asking).answer

    in_loop(test)


def test_what_the_store_cannot_give_is_servfail_and_no_more(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            rig.store.broken.add(wire("www.example."))
            answer = dns.message.from_wire(await rig.ask(query("www.example.")))
            assert answer.rcode() == dns.rcode.SERVFAIL
            assert answer.question[0].name.to_text() == "www.example."
            good = dns.message.from_wire(await rig.ask(query("ns.example.")))
            assert good.rcode() == dns.rcode.NOERROR

    in_loop(test)


@pytest.mark.parametrize(
    ("opcode", "rcode"), [(dns.opcode.NOTIFY, dns.rcode.NOTIMP), (dns.opcode.UPDATE, dns.rcode.NOTIMP)]
)
def test_operations_nobody_serves_are_notimp(in_loop: Loop, opcode: dns.opcode.Opcode, rcode: dns.rcode.Rcode) -> None:
    async def test() -> None:
        async with rigged() as rig:
            message = dns.message.make_query("example.", "SOA", use_edns=0)
            message.set_opcode(opcode)
            answer = dns.message.from_wire(await rig.ask(message.to_wire()))
            assert answer.rcode() == rcode
            assert answer.opcode() == opcode
            assert answer.id == message.id
            assert answer.flags & dns.flags.QR
            assert not answer.flags & dns.flags.RA

    in_loop(test)


def test_handler_serves_its_opcode_without_holding_up_others(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            gate = asyncio.Event()

            async def notified(request: Request) -> Answers:
                assert not request.tcp
                assert request.client == bytes((127, 0, 0, 1))
                await gate.wait()
                answer = dns.message.make_response(dns.message.from_wire(request.packet))
                return answer.to_wire()

            rig.handover.on_opcode(dns.opcode.NOTIFY, notified)
            message = dns.message.make_query("example.", "SOA")
            message.set_opcode(dns.opcode.NOTIFY)
            asking = asyncio.create_task(rig.ask(message.to_wire()))
            await asyncio.sleep(0.02)
            assert dns.message.from_wire(await rig.ask(query("www.example."))).answer
            assert not asking.done()
            gate.set()
            assert dns.message.from_wire(await asking).rcode() == dns.rcode.NOERROR

    in_loop(test)


def test_handlers_fault_is_silence_and_the_port_goes_on(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:

            async def broken(_: Request) -> Answers:
                raise ZeroDivisionError

            rig.handover.on_opcode(dns.opcode.NOTIFY, broken)
            message = dns.message.make_query("example.", "SOA")
            message.set_opcode(dns.opcode.NOTIFY)
            with pytest.raises(TimeoutError):
                await rig.ask(message.to_wire(), wait=0.1)
            assert dns.message.from_wire(await rig.ask(query("www.example."))).answer

    in_loop(test)


def test_catch_up_forgets_fills_before_it_tells_the_position(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            await rig.ask(query("www.example."))
            changed = dict(ZONE)
            try:
                ZONE[wire("www.example.")] = ZONE[wire("ns.example.")]
                rig.store.done = 6
                rig.filler.catch_up_if_behind()
                assert rig.store.registered == [6]
                answer = dns.message.from_wire(await rig.ask(query("www.example.")))
                assert "192.0.2.1" in str(answer.answer[0])
                rig.filler.catch_up_if_behind()
                assert rig.store.registered == [6]
            finally:
                ZONE.update(changed)

    in_loop(test)


def test_a_store_that_cannot_be_followed_ends_the_worker_only_after_many_tries(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            rig.store.fails = True
            for _ in range(19):
                rig.filler.catch_up()
            with pytest.raises(StoreCorrupt):
                rig.filler.catch_up()

    in_loop(test)


def test_a_catch_up_that_keeps_the_interpreter_holds_up_no_answer_from_memory(in_loop: Loop) -> None:
    answers: list[bytes] = []
    room = ctypes.create_string_buffer(4096)
    locked = ctypes.PyDLL(None)  # its calls keep the interpreter's lock, as those of the store's binding do

    async def test() -> None:
        async with rigged() as rig:
            await rig.ask(query("www.example."))
            caught_up = rig.store.catch_up
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.connect(rig.address)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 2, 0))

                def slow() -> int:
                    client.send(query("ns.example."))  # not in memory: it waits for the loop
                    for number in (7, 8):
                        client.send(query("www.example.", number=number))
                        length = locked.recv(client.fileno(), room, 4096, 0)
                        answers.append(room.raw[: max(0, length)])
                    return caught_up()

                rig.store.catch_up = slow  # type: ignore[method-assign]
                rig.store.done = 6
                rig.filler.catch_up_if_behind()
                told = [dns.message.from_wire(one) for one in answers]
                assert [one.id for one in told] == [7, 8]
                assert all(one.answer for one in told)
                assert rig.store.registered == [6]
                waited = dns.message.from_wire(await asyncio.to_thread(client.recv, 4096))
                assert waited.question[0].name.to_text() == "ns.example."
                rig.store.catch_up = caught_up  # type: ignore[method-assign]
                # Between two catch-ups the loop alone answers.
                client.send(query("www.example.", number=9))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, 50_000))
                assert locked.recv(client.fileno(), room, 4096, 0) == -1
                client.settimeout(2)
                assert (await asyncio.to_thread(client.recv, 4096))[:2] == b"\0\x09"

    in_loop(test)


def test_without_a_thread_the_loop_alone_answers(in_loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def test() -> None:
        async with rigged() as rig:
            monkeypatch.setattr(threading.Thread, "start", refused)
            rig.port.renew()
            monkeypatch.undo()
            assert rig.filler.relief == []
            rig.filler.catch_up()
            assert dns.message.from_wire(await rig.ask(query("www.example."))).answer
            rig.port.renew()
            assert rig.filler.relief == [rig.port]

    in_loop(test)


def test_all_stand_ins_are_recalled_before_one_is_waited_for(in_loop: Loop) -> None:
    told: list[str] = []

    class Port:
        def __init__(self, name: str) -> None:
            self.name = name

        def relieve(self) -> None:
            told.append("relieve " + self.name)

        def recall(self) -> None:
            told.append("recall " + self.name)

        def take_back(self) -> None:
            told.append("take back " + self.name)

    async def test() -> None:
        async with rigged() as rig:
            rig.filler.relief[:0] = [Port("a"), Port("b")]
            for fails in (False, True):
                rig.store.fails = fails
                rig.filler.catch_up()
                assert told == [f"{what} {name}" for what in ("relieve", "recall", "take back") for name in "ab"]
                told.clear()
            del rig.filler.relief[:2]

    in_loop(test)


def test_what_ends_after_its_port_is_not_sent_through_another_file(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            gate, came = asyncio.Event(), asyncio.Event()

            async def slow(request: Request) -> Answers:
                came.set()
                await gate.wait()
                return request.packet

            rig.handover.on_opcode(dns.opcode.NOTIFY, slow)
            message = dns.message.make_query("example.", "SOA")
            message.set_opcode(dns.opcode.NOTIFY)
            number = rig.port.listener.sock.fileno()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.bind(("127.0.0.1", 0))
                client.sendto(message.to_wire(), rig.address)
                await asyncio.wait_for(came.wait(), 2)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another:
                    another.bind(("127.0.0.1", 0))
                    rig.port.stop()
                    with socket.socket(fileno=os.dup2(another.fileno(), number)):
                        gate.set()
                        await asyncio.sleep(0.05)
                        client.setblocking(False)
                        with pytest.raises(BlockingIOError):
                            client.recv(4096)
            rig.port.renew()  # settings that come while the worker ends
            assert rig.filler.relief == []

    in_loop(test)


def test_the_stand_in_ends_with_its_port_and_goes_on_with_a_new_engine(in_loop: Loop) -> None:
    async def test() -> None:
        async with rigged() as rig:
            first = rig.filler.relief[:]
            rig.port.renew()
            assert rig.filler.relief == first == [rig.port]
            rig.filler.catch_up()
            assert dns.message.from_wire(await rig.ask(query("www.example."))).answer
        assert rig.filler.relief == []
        assert not [thread for thread in threading.enumerate() if thread.name == "stand-in"]

    in_loop(test)
