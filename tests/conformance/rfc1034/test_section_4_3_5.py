"""RFC 1034 4.3.5, 1035 3.3.13: a secondary looks at its master after REFRESH, again after RETRY when that fails, and stops serving after EXPIRE."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import dns.message
import pytest

from nsblast._core.rrset import ZONE_SPECIAL, unpack_entry
from nsblast.records import name_from_text
from nsblast.transfer.inbound_message import Fault
from tests.helpers.masters import APEX, Following, Said, Scripted, axfr, following, soa, wire

WITHIN = 30.0
OTHER = "www.example. 300 A 192.0.2.99"


class Version:
    """A master of a zone with timers of a second; silent when it is told to be."""

    def __init__(self, serial: int, *, refresh: int = 1, retry: int = 1, expire: int = 3) -> None:
        self.serial = serial
        self.silent = False
        self.numbers = {"refresh": refresh, "retry": retry, "expire": expire}
        self.looks: list[float] = []

    def udp(self, query: dns.message.Message) -> Sequence[Said]:
        self.looks.append(time.monotonic())
        return [] if self.silent else [wire(query, [soa(self.serial, **self.numbers)])]

    def tcp(self, query: dns.message.Message) -> Sequence[Said]:
        if self.silent:
            return [None]
        top = soa(self.serial, **self.numbers)
        return [wire(query, [top, *axfr(self.serial, OTHER)[1:-1], top])]


async def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WITHIN
    while not true():
        assert time.monotonic() < deadline, "it did not come to it"
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def followed(version: Version) -> AsyncIterator[tuple[Following, Scripted]]:
    """A zone whose timers run, transferred from that master."""
    async with following(version.tcp, version.udp) as (place, master):
        place.make(master.master)
        running = asyncio.create_task(place.secondaries.run())
        try:
            await until(lambda: place.record.serial == version.serial)
            await until(lambda: place.status()["last_confirmed"] and not place.status()["asking"])
            yield place, master
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def special(place: Following) -> bool:
    """Whether the apex has the mark by which workers do not answer with what they have."""
    entry = place.backend.entry(name_from_text(APEX))
    assert entry is not None
    return bool(unpack_entry(entry.blob).flags & ZONE_SPECIAL)


def test_a_new_version_is_found_after_refresh() -> None:
    async def run() -> None:
        version = Version(5)
        async with followed(version) as (place, _):
            await until(lambda: len(version.looks) >= 2)
            assert version.looks[1] - version.looks[0] > 0.7, "not before"
            version.serial = 6
            await until(lambda: place.record.serial == 6)
            assert not place.record.expired

    asyncio.run(run())


def test_the_zone_expires_and_comes_back() -> None:
    async def run() -> None:
        version = Version(5)
        async with followed(version) as (place, _):
            before = place.contents()
            version.silent = True
            confirmed = place.status()["last_confirmed"]
            await until(lambda: place.record.expired)
            assert time.time() - confirmed >= 2.9, "not before EXPIRE is over"
            assert special(place)
            assert place.contents() == before, "what it holds is still there"
            assert place.record.serial == 5
            await until(lambda: place.status()["state"] == "expired")
            version.silent = False
            await until(lambda: not place.record.expired)
            assert not special(place)
            await until(lambda: place.status()["state"] == "ok")
            assert place.contents() == before

    asyncio.run(run())


def test_it_expires_while_a_silent_master_is_waited_for() -> None:
    async def run() -> None:
        version = Version(5, refresh=1, expire=2)
        async with followed(version) as (place, _):
            version.silent = True
            confirmed = place.status()["last_confirmed"]
            await until(lambda: place.status()["state"] == "expired")
            assert place.record.expired
            assert 1.9 < time.time() - confirmed < 3.0, "the look takes six seconds, the zone is good for two"
            assert place.status()["asking"]
            version.silent = False  # the answer comes to the same look
            await until(lambda: not place.record.expired)
            assert place.status()["failures"] == 0
            assert not special(place)

    asyncio.run(run())


def test_state_outlives_the_process() -> None:
    async def run() -> None:
        version = Version(5, refresh=100, expire=200)
        async with followed(version) as (place, _):
            was = place.status()
            place.secondaries.save()
            anew = place.begin()
            running = asyncio.create_task(anew.run())
            await until(lambda: anew.status(name_from_text(APEX)))
            now = place.status()
            assert [now[name] for name in ("expires", "last_confirmed", "last_transfer", "state")] == [
                was[name] for name in ("expires", "last_confirmed", "last_transfer", "state")
            ]
            await asyncio.sleep(0.3)
            assert len(version.looks) == 0, "it was transferred a moment ago and is not due"
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())


def test_what_expired_while_nobody_looked_is_not_served() -> None:
    async def run() -> None:
        version = Version(5, expire=1, refresh=1)
        async with followed(version) as (place, _):
            pass
        del place

    # The timers ended with the zone confirmed; a start after EXPIRE marks it before anybody is asked.
    async def later() -> None:
        version = Version(5, expire=1, refresh=100)
        async with following(version.tcp, version.udp) as (place, master):
            place.make(master.master)
            await place.fetch()
            version.silent = True
            place.secondaries.save()
            await asyncio.sleep(1.1)
            anew = place.begin()
            running = asyncio.create_task(anew.run())
            began = time.monotonic()
            await until(lambda: place.record.expired)
            assert time.monotonic() - began < 0.9, "it does not wait for a master that is silent"
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())
    asyncio.run(later())


def test_a_zone_without_contents_has_none_until_all_came() -> None:
    async def run() -> None:
        version = Version(5)
        async with following(lambda q: [*version.tcp(q)[:0], None], version.udp) as (place, master):
            place.make(master.master)
            assert special(place)
            with pytest.raises(Fault):
                await place.fetch()
            assert special(place)
            assert place.contents() == []
            assert place.status()["state"] == "empty"

    asyncio.run(run())


def test_notify_has_it_looked_at_now() -> None:
    async def run() -> None:
        version = Version(5, refresh=1000, expire=2000)
        async with followed(version) as (place, _):
            looks = len(version.looks)
            place.secondaries.notified(name_from_text(APEX), bytes(4), 5)
            await asyncio.sleep(0.2)
            assert len(version.looks) == looks, "that serial is served"
            version.serial = 6
            place.secondaries.notified(name_from_text(APEX), bytes(4), 6)
            await until(lambda: place.record.serial == 6)

    asyncio.run(run())
