"""RFC 7314 4: a secondary asks how long its master's copy is good for, and keeps its own no longer."""

import asyncio
import time
from collections.abc import Sequence

import dns.edns
import dns.message
import dns.rdatatype
import pytest

from tests.helpers.masters import Said, answer, axfr, following, soa, wire

EXPIRE = 9


class Chained:
    """A master that is a secondary itself: the SOA says a day, its own copy is good for less."""

    def __init__(self, left: int | None, transfer: int | None = None) -> None:
        """Seconds it tells with an SOA, and with a transfer; None = it does not tell."""
        self.left = left
        self.transfer = transfer
        self.serial = 1
        self.current = False
        self.asked: list[bool] = []

    def udp(self, query: dns.message.Message) -> Sequence[Said]:
        return [self._told(query, [soa(self.serial)], self.left)]

    def tcp(self, query: dns.message.Message) -> Sequence[Said]:
        lines = axfr(self.serial)
        if query.question[0].rdtype == dns.rdatatype.IXFR:
            lines = [soa(self.serial), soa(1), soa(self.serial), "n.example. 300 A 192.0.2.7", soa(self.serial)]
        if query.question[0].rdtype == dns.rdatatype.IXFR and self.current:
            lines = [soa(1)]
        # In the first of two messages, as servers do it.
        return [self._told(query, lines[:1], self.transfer), wire(query, lines[1:])][: 1 + (len(lines) > 1)]

    def _told(self, query: dns.message.Message, lines: list[str], left: int | None) -> bytes:
        self.asked.append(any(option.otype == EXPIRE for option in query.options))
        told = answer(query, lines)
        if left is not None:
            told.use_edns(0, options=[dns.edns.GenericOption(EXPIRE, left.to_bytes(4, "big"))])
        return told.to_wire()


@pytest.mark.parametrize("form", ["ixfr", "axfr"])
@pytest.mark.parametrize(
    ("soa_says", "transfer_says", "good"),
    [(None, 1000, 1000), (5000, 1000, 1000), (1000, 5000, 5000), (1000, None, 1000), (None, 200000, 86400), (7, 0, 0)],
)
def test_what_a_transfer_says_counts_before_the_soa_query(
    form: str, soa_says: int | None, transfer_says: int | None, good: int
) -> None:
    """The option is asked for with AXFR and IXFR too (section 3), and what comes with the version that is taken is its timer."""

    async def run() -> None:
        chained = Chained(soa_says, transfer_says)
        async with following(chained.tcp, chained.udp) as (place, master):
            place.make(master.master, incremental=form == "ixfr")
            await place.fetch()
            chained.serial = 2
            chained.asked.clear()
            assert (await place.fetch()).what == form
            assert chained.asked == [True, True]
            assert place.status()["expires"] == pytest.approx(time.time() + good, abs=5)

    asyncio.run(run())


def test_the_first_transfer_counts_too() -> None:
    """No SOA was asked for before."""

    async def run() -> None:
        chained = Chained(None, 1234)
        async with following(chained.tcp, chained.udp) as (place, master):
            place.make(master.master)
            assert (await place.fetch()).what == "axfr"
            assert chained.asked == [True]
            assert place.status()["expires"] == pytest.approx(time.time() + 1234, abs=5)

    asyncio.run(run())


def test_an_ixfr_that_says_that_nothing_is_new_lengthens_and_never_shortens() -> None:
    """As an SOA of the same serial does."""

    async def run() -> None:
        chained = Chained(None, 1000)
        async with following(chained.tcp, chained.udp) as (place, master):
            place.make(master.master)
            await place.fetch()
            chained.serial, chained.current = 2, True  # over UDP it tells of a version that it does not give
            for left, good in ((500, 1000), (3000, 3000)):
                chained.transfer = left
                assert (await place.fetch()).what == "current"
                assert place.status()["expires"] == pytest.approx(time.time() + good, abs=5)

    asyncio.run(run())


@pytest.mark.parametrize(("left", "good"), [(1000, 1000), (None, 86400), (200000, 86400)])
def test_a_transfer_is_good_for_what_the_master_says(left: int | None, good: int) -> None:
    """At most for what the SOA says."""

    async def run() -> None:
        chained = Chained(left)
        async with following(chained.tcp, chained.udp) as (place, master):
            chained.serial = 2
            await place.fetch(master.master)
            assert place.record.serial == 2
            assert chained.asked == [True, True]
            assert place.status()["expires"] == pytest.approx(time.time() + good, abs=5)

    asyncio.run(run())


def test_a_confirmation_lengthens_and_never_shortens() -> None:
    async def run() -> None:
        chained = Chained(1000)
        async with following(chained.tcp, chained.udp) as (place, master):
            chained.serial = 2
            await place.fetch(master.master)
            for left, good in ((500, 1000), (3000, 3000), (200000, 86400)):
                chained.left = left
                assert (await place.fetch(master.master)).what == "current"
                assert place.status()["expires"] == pytest.approx(time.time() + good, abs=5)

    asyncio.run(run())
