"""A worker once asked the store the same question without end, in one turn of its loop, and answered nobody meanwhile.

Answers about what is never cached (proofs, the parent's side of an apex) are believed only when the store had been read after
the zone's last change. While that change was under way, or the secondary had not yet seen it, each fill was refused and asked
for again; over TCP without limit, so that a bulk change, which waits for the workers to catch up, waited for ever.
"""

import os
from typing import Any

import dns.message
import dns.rcode
import pytest

from nsblast._core.engine import BUSY, MISS, MISS_ENTRY, MISS_IN_ZONE, MISS_NSEC_COVER, Engine
from nsblast._core.rrset import IS_APEX, IS_CUT
from nsblast._core.segment import Segment
from nsblast.serve import fill
from nsblast.serve.fill import Filled, Filler
from tests.unit.serve.conftest import entry, in_loop, query, rigged, wire  # noqa: F401 - a fixture
from tests.unit.serve.test_tcp import Loop

PARENT, CHILD = wire("example."), wire("child.example.")
SOA = ("SOA", "ns.example. root.example. 1 2 3 4 5")


@pytest.fixture
def served() -> tuple[Segment, Engine]:
    """The parent zone and its child at commit 1, and a worker's engine."""
    fd = Segment.create(4 << 20, 1)
    segment = Segment(fd, writer=True)
    segment.begin(1, [PARENT, CHILD])
    segment.put(PARENT, entry(IS_APEX, SOA))
    child = entry(IS_APEX, SOA)
    segment.put(CHILD, child[:1] + b"\2" + child[2:])  # its apex has two labels
    assert segment.finish()
    engine = Engine(fd)
    os.close(fd)
    return segment, engine


def test_zone_under_change_is_waited_for_before_the_store_is_asked(served: tuple[Segment, Engine]) -> None:
    segment, engine = served
    ask = query("child.example.", "DS")
    assert engine.answer(ask) == MISS
    assert engine.miss() == (MISS_IN_ZONE, 1, CHILD)
    segment.begin(2, [PARENT])
    assert engine.answer(ask) == BUSY
    engine.fill(MISS_IN_ZONE, 1, CHILD, CHILD, entry(IS_CUT, ("NS", "ns.example.")), 1)
    assert engine.answer(ask) == BUSY
    segment.finish()
    assert engine.answer(ask) == MISS, "what the store said before the change is believed after it"
    engine.fill(MISS_IN_ZONE, 1, CHILD, CHILD, entry(IS_CUT, ("NS", "ns.example.")), 2)
    assert isinstance(engine.answer(ask), bytes)


class Late:
    """A secondary that has not caught up, and cannot."""

    position = horizon = 1
    done = 2
    asked = 0

    def catch_up(self) -> int:
        return self.position

    def fetch(self, kind: int, apex_labels: int, name: bytes) -> tuple[bytes, bytes]:
        self.asked += 1
        return name, b""

    def entries(self) -> tuple[Any, ...]:
        return lambda name: None, lambda key: None, {}, b"e", self.position

    def worker_position(self, index: int, position: int) -> None:
        pass


def test_old_news_of_what_is_never_cached_is_not_fetched() -> None:
    late = Late()
    filler = Filler(Engine(-1), late, late, 0, os.eventfd(0, os.EFD_NONBLOCK))
    assert filler.fill(MISS_IN_ZONE, 1, CHILD) is Filled.LATER
    assert filler.fill(MISS_NSEC_COVER, 1, CHILD) is Filled.LATER
    assert late.asked == 0
    assert filler.fill(MISS_ENTRY, 0, CHILD) is Filled.DONE


def test_no_connection_holds_the_loop_for_longer_than_a_turn(in_loop: Loop) -> None:  # noqa: F811
    """A question that never ends for one client leaves the others their turns, and ends as SERVFAIL."""

    async def test() -> None:
        async with rigged() as rig:
            rounds = 0

            def useless(_: Any) -> tuple[int, int]:
                nonlocal rounds
                rounds += 1
                return 1, 0  # so many were fetched, nothing else is missed: and yet nothing was

            rig.filler._fetch = useless  # type: ignore[method-assign]
            one, other = await rig.connect(), await rig.connect()
            one.send(query("www.example."))
            other.send(dns.message.make_query("version.bind", "TXT", "CH", id=9).to_wire())
            assert (await other.receive())[:2] == b"\0\x09"
            assert rounds >= fill._ROUNDS_MAX
            assert dns.message.from_wire(await one.receive(9)).rcode() == dns.rcode.SERVFAIL

    in_loop(test)


def test_waiting_has_an_end(in_loop: Loop) -> None:  # noqa: F811
    async def test() -> None:
        async with rigged() as rig:
            rig.store.horizon = 6
            client = await rig.connect()
            client.send(query("www.example."))
            answer = dns.message.from_wire(await client.receive(9))
            assert answer.rcode() == dns.rcode.SERVFAIL

    in_loop(test)
