"""RFC 1995 4, as a client: differences in their order, one version after the other; whole zones instead; one SOA when there is nothing new."""

import asyncio
from collections.abc import Sequence

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from nsblast.records import name_from_text
from tests.helpers.masters import APEX, Said, axfr, following, soa, wire

Query = dns.message.Message
OLD = "www.example. 300 A 192.0.2.10"
NEW = "www.example. 300 A 192.0.2.11"
MORE = "more.example. 300 TXT text"
DIFFERENCES = [soa(4), soa(1), OLD, soa(2), NEW, soa(2), soa(3), MORE, soa(3), MORE, soa(4), soa(4)]


def is_ixfr(query: Query) -> bool:
    return query.question[0].rdtype == dns.rdatatype.IXFR


def test_the_request_names_the_version_we_have() -> None:
    seen: list[str] = []

    def tcp(query: Query) -> Sequence[Said]:
        seen.extend(rrset.to_text() for rrset in query.authority)
        return [wire(query, [soa(1)])]

    async def run() -> None:
        async with following(tcp, serial=2) as (place, master):
            await place.fetch(master.master)
        assert seen == ["example. 0 IN SOA . . 1 0 0 0 0"]

    asyncio.run(run())


@pytest.mark.parametrize("parts", [1, 2, 3, 6, 12])
def test_differences_are_worked_in_version_by_version(parts: int) -> None:
    size = len(DIFFERENCES) // parts

    def tcp(query: Query) -> Sequence[Said]:
        return [wire(query, DIFFERENCES[at : at + size]) for at in range(0, len(DIFFERENCES), size)]

    async def run() -> None:
        async with following(tcp, serial=4) as (place, master):
            done = await place.fetch(master.master)
            assert (done.what, done.versions, place.record.serial) == ("ixfr", 3, 4)
            shown = place.contents()
            assert "www.example. A 192.0.2.11" in shown
            assert not any("more.example." in line or "192.0.2.10" in line for line in shown)
            history = [(one.serial_from, one.serial_to) for one in place.backend.history(name_from_text(APEX), limit=3)]
            assert history == [(3, 4), (2, 3), (1, 2)], (
                "each version is one in our journal: who follows us gets the same"
            )

    asyncio.run(run())


def test_one_soa_when_there_is_nothing_new() -> None:
    async def run() -> None:
        async with following(lambda q: [wire(q, [soa(1)])], serial=2) as (place, master):
            before = place.record
            assert (await place.fetch(master.master)).what == "current"
            assert place.record == before

    asyncio.run(run())


def test_a_whole_zone_instead() -> None:
    async def run() -> None:
        async with following(lambda q: [wire(q, axfr(3, NEW))], serial=3) as (place, master):
            assert (await place.fetch(master.master)).what == "axfr"
            assert place.record.serial == 3
            assert "www.example. A 192.0.2.11" in place.contents()

    asyncio.run(run())


@pytest.mark.parametrize("rcode", ["NOTIMP", "FORMERR", "REFUSED"])
def test_who_does_not_know_ixfr_is_asked_for_the_whole_zone(rcode: str) -> None:
    def tcp(query: Query) -> Sequence[Said]:
        if is_ixfr(query):
            return [wire(query, [], rcode=dns.rcode.from_text(rcode))]
        return [wire(query, axfr(3, NEW))]

    async def run() -> None:
        async with following(tcp, serial=3) as (place, master):
            assert (await place.fetch(master.master)).what == "axfr"
            assert master.asked == ["SOA/udp", "IXFR/tcp", "AXFR/tcp"]

    asyncio.run(run())


def test_a_zone_that_is_asked_for_whole_is_never_asked_for_differences() -> None:
    async def run() -> None:
        async with following(lambda q: [wire(q, axfr(3))], serial=3) as (place, master):
            place.make(master.master, incremental=False)
            await place.fetch()
            assert master.asked == ["AXFR/tcp"]

    asyncio.run(run())
