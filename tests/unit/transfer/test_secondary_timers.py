"""Timers of secondaries when those around them misbehave: floods of NOTIFY, masters without patience, settings that change under way."""

import asyncio
import time

import dns.message
import dns.rcode

from nsblast.records import name_from_text
from nsblast.transfer import secondary
from nsblast.zones.model import ChangeSet, ConfigureZone
from tests.helpers.masters import APEX, Scripted, axfr, following, soa, wire

OTHER = "www.example. 300 A 192.0.2.99"


def refuses(query: dns.message.Message) -> list[bytes]:
    return [wire(query, [], rcode=dns.rcode.REFUSED)]


def test_a_flood_of_notifies_costs_no_memory() -> None:
    async def run() -> None:
        async with following(refuses) as (place, _):
            apex = name_from_text(APEX)
            zone = place.secondaries._zones[apex]
            for _ in range(3 * secondary.SPARE):
                place.secondaries.notified(apex, bytes(4), None)
            assert len(place.secondaries._heap) <= secondary.SPARE + 3
            assert place.secondaries._heap[0][2] == apex
            assert any(due == zone.due for due, _, _ in place.secondaries._heap)

    asyncio.run(run())


def test_a_zone_that_expires_at_once_is_not_looked_at_all_the_time() -> None:
    def whole(query: dns.message.Message) -> list[bytes]:
        top = soa(5, refresh=0, retry=0, expire=0)
        return [wire(query, [top, *axfr(5, OTHER)[1:-1], top])]

    def alone(query: dns.message.Message) -> list[bytes]:
        return [wire(query, [soa(5, refresh=0, retry=0, expire=0)])]

    async def run() -> None:
        async with following(whole, alone, refresh_min=0.5) as (place, master):
            place.make(master.master)
            running = asyncio.create_task(place.secondaries.run())
            try:
                await asyncio.sleep(1.6)
                assert place.record.serial == 5
                assert not place.record.expired
                assert 2 <= master.asked.count("SOA/udp") <= 5
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())


def test_other_masters_that_are_set_while_the_old_ones_fail_are_asked_at_once() -> None:
    async def run() -> None:
        good = Scripted(lambda query: [wire(query, axfr(7, OTHER))], serial=7)
        silent = Scripted(lambda _: [], lambda _: [])
        async with following(refuses, retry_min=600, retry_max=600, transfer_in_idle=1.5) as (place, _), good, silent:
            place.make(silent.master)
            running = asyncio.create_task(place.secondaries.run())
            try:
                await asyncio.sleep(0.5)
                assert place.status()["asking"]
                setting = {"hostname": good.address, "port": good.port}
                now = {**place.record.settings, "master": setting}
                place.backend.apply(ChangeSet(name_from_text(APEX), (ConfigureZone(settings=now),)))
                deadline = time.monotonic() + 30
                while place.record.serial != 7:
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.05)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())
