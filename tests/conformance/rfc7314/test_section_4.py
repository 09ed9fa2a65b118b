"""RFC 7314 4: a secondary asks how long its master's copy is good for, and keeps its own no longer."""

import asyncio
import time
from collections.abc import Sequence

import dns.edns
import dns.message
import pytest

from tests.helpers.masters import Said, answer, axfr, following, soa, wire

EXPIRE = 9


class Chained:
    """A master that is a secondary itself: the SOA says a day, its own copy is good for less."""

    def __init__(self, left: int | None) -> None:
        self.left = left
        self.serial = 1
        self.asked: list[bool] = []

    def udp(self, query: dns.message.Message) -> Sequence[Said]:
        self.asked.append(any(option.otype == EXPIRE for option in query.options))
        told = answer(query, [soa(self.serial)])
        if self.left is not None:
            told.use_edns(0, options=[dns.edns.GenericOption(EXPIRE, self.left.to_bytes(4, "big"))])
        return [told.to_wire()]

    def tcp(self, query: dns.message.Message) -> Sequence[Said]:
        return [wire(query, axfr(self.serial))]


@pytest.mark.parametrize(("left", "good"), [(1000, 1000), (None, 86400), (200000, 86400)])
def test_a_transfer_is_good_for_what_the_master_says(left: int | None, good: int) -> None:
    """At most for what the SOA says."""

    async def run() -> None:
        chained = Chained(left)
        async with following(chained.tcp, chained.udp) as (place, master):
            chained.serial = 2
            await place.fetch(master.master)
            assert place.record.serial == 2
            assert chained.asked == [True]
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
