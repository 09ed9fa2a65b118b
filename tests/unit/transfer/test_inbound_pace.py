"""Masters that are slow, that close the connection, or that go on for ever: each is given up in a time that is known, and the status says why."""

import asyncio
import itertools
import re
import time
from collections.abc import Iterator, Sequence

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from nsblast.transfer.inbound_message import Fault
from nsblast.transfer.inbound_refresh import Failed
from nsblast.transfer.sources import Sources
from tests.helpers.masters import Said, Script, Scripted, answer, axfr, following, soa, wire, zone

Query = dns.message.Message
TEXT = "x" * 200


def kind(query: Query) -> str:
    return dns.rdatatype.to_text(query.question[0].rdtype)


def drips(octets: int, pause: float, messages: int = 10_000) -> Script:
    """A zone in messages of some octets, with a pause before each."""

    def say(query: Query) -> Sequence[Said]:
        part = wire(query, [f"h.example. 300 TXT {'x' * octets}"])

        def go() -> Iterator[Said]:
            yield wire(query, zone(2))
            for _ in range(messages):
                yield pause
                yield part
            yield wire(query, [soa(2)])

        return go()  # type: ignore[return-value]

    return say


def test_who_drips_is_given_up_and_the_status_says_why() -> None:
    limits = {"transfer_in_rate": 20_000, "transfer_in_window": 0.3, "transfer_in_idle": 5}

    async def run() -> None:
        async with following(drips(100, 0.02), serial=2, **limits) as (place, slow):
            begun = time.monotonic()
            with pytest.raises(
                Failed, match=r"too slow: \d+ octets in \d s, fewer than 20000 a second \(setting transfer_in_rate\)"
            ):
                await place.fetch(slow.master)
            assert time.monotonic() - begun < 3
            assert "transfer_in_rate" in place.status()["last_error"]
            assert place.record.serial == 1

    asyncio.run(run())


@pytest.mark.parametrize("limits", [{"transfer_in_rate": 0}, {"transfer_in_rate": 1000}, {"transfer_in_window": 30}])
def test_who_is_slow_within_bounds_is_waited_for(limits: dict[str, float]) -> None:
    settings = {"transfer_in_rate": 10**9, "transfer_in_window": 0.1, **limits}

    async def run() -> None:
        async with following(drips(250, 0.02, 20), serial=2, **settings) as (place, slow):
            assert (await place.fetch(slow.master)).what == "axfr"
            assert place.record.serial == 2

    asyncio.run(run())


def test_a_transfer_has_an_end_however_steady_it_is() -> None:
    async def run() -> None:
        async with following(drips(250, 0.01), serial=2, transfer_in_time=0.5) as (place, slow):
            with pytest.raises(Failed, match=r"not done within 0.5 s \(setting transfer_in_time\)"):
                await place.fetch(slow.master)
            assert place.record.serial == 1

    asyncio.run(run())


def endless(query: Query, *lines: str) -> Sequence[Said]:
    """The same message without end."""
    return itertools.repeat(wire(query, list(lines)))  # type: ignore[return-value]


def numbered(query: Query) -> Sequence[Said]:
    """Differences from version to version, which never come to the one they began with."""

    def go() -> Iterator[bytes]:
        yield wire(query, [soa(2**31), soa(1)])
        for serial in itertools.count(2):
            yield wire(query, [soa(serial), soa(serial)])

    return go()  # type: ignore[return-value]


ENDLESS = {
    # What IXFR is answered with, and what becomes of it; None: it is current.
    "our SOA again and again": (lambda q: [wire(q, [soa(1)] * 500)], None),
    "the offered SOA again and again": (lambda q: endless(q, soa(2)), "follows the final SOA|already|NS|SOA"),
    "our version to itself": (
        lambda q: [wire(q, [soa(2), soa(1)]), *[wire(q, [soa(1)])] * 50],
        "leads from serial 1 back to 1",
    ),
    "the serial goes back": (
        lambda q: [wire(q, [soa(3), soa(1), soa(2), soa(2), soa(1), soa(1), soa(3), soa(3)])],
        "back to 1",
    ),
    "versions without end": (numbered, r"larger than 32KiB \(setting transfer_in_limit\)"),
    "records without end": (
        lambda q: itertools.chain([wire(q, [soa(2), soa(1), soa(2)])], endless(q, f"a.example. 300 TXT {TEXT}")),
        r"larger than 32KiB \(setting transfer_in_limit\)",
    ),
    "a zone without end": (
        lambda q: itertools.chain([wire(q, zone(2))], endless(q, f"a.example. 300 TXT {TEXT}")),
        r"larger than 32KiB \(setting transfer_in_limit\)",
    ),
    "a zone of nothing": (lambda q: [wire(q, [soa(2), soa(2)])], "NS"),
    "empty messages without end": (lambda q: itertools.chain([wire(q, [soa(2)])], endless(q)), "holds no records"),
}


WHOLE = ("the offered SOA again and again", "a zone without end", "a zone of nothing", "empty messages without end")


@pytest.mark.parametrize(("form", "case"), [*(("IXFR", case) for case in ENDLESS), *(("AXFR", case) for case in WHOLE)])
def test_what_has_no_end_or_nothing_in_it(form: str, case: str) -> None:
    """Whichever way it is asked for, the zone stays as it is."""
    said, expected = ENDLESS[case]

    async def run() -> None:
        async with following(said, serial=2, transfer_in_limit=32 << 10, transfer_in_idle=2) as (place, lying):  # type: ignore[arg-type]
            place.make(lying.master, incremental=form == "IXFR")
            async with Scripted(lambda q: [wire(q, axfr(1, "www.example. 300 A 192.0.2.10"))]) as good:
                await place.fetch(good.master)
            before = place.contents(), place.record
            if expected is None:
                assert (await place.fetch()).what == "current"
            else:
                with pytest.raises(Fault) as failed:
                    await place.fetch()
                assert re.search(expected, failed.value.message)
            assert (place.contents(), place.record) == before
            assert len(lying.asked) <= 4

    asyncio.run(run())


def test_who_closes_at_edns_is_asked_without_it() -> None:
    edns: list[bool] = []

    def old(query: Query) -> Sequence[Said]:
        edns.append(query.edns >= 0)
        return [None] if query.edns >= 0 else [wire(query, axfr(2))]

    async def run() -> None:
        async with following(old, serial=2) as (place, master):
            assert (await place.fetch(master.master)).what == "axfr"
            assert edns == [True, True, False]  # IXFR, AXFR, and AXFR without

    asyncio.run(run())


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP"])
def test_who_refuses_edns_is_asked_without_it(rcode: str) -> None:
    """Once the SOA's answer told so, nothing else is tried: differences come as ever."""
    asked: list[tuple[str, bool]] = []

    def old(query: Query) -> Sequence[Said]:
        asked.append((kind(query), query.edns >= 0))
        if query.edns >= 0:
            told = answer(query, [], rcode=dns.rcode.from_text(rcode))
            told.use_edns(False)
            return [told.to_wire()]
        if kind(query) == "SOA":
            return [wire(query, [soa(2)])]
        if kind(query) == "IXFR":
            return [wire(query, [soa(2), soa(1), soa(2), "n.example. 300 A 192.0.2.3", soa(2)])]
        return [wire(query, axfr(2))]

    async def run() -> None:
        async with following(old, old) as (place, master):
            assert (await place.fetch(master.master)).what == "ixfr"
            assert asked == [("SOA", True), ("SOA", False), ("IXFR", False)]
            asked.clear()
            await place.fetch(master.master, force=True)
            assert asked == [("AXFR", True), ("AXFR", False)]

    asyncio.run(run())


@pytest.mark.parametrize("source", ["", "127.7.7.7", "192.0.2.99"])
def test_the_address_spoken_from(source: str) -> None:
    """The one that is served (127.3.3.3), unless the setting says another; one that is not here is named."""
    asked: set[str] = set()

    class Asked(Scripted):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.add(writer.get_extra_info("peername")[0])
            await super()._serve(reader, writer)

    async def run() -> None:
        master = Asked(lambda q: [wire(q, axfr(2))], serial=2)
        async with following(lambda q: []) as (place, _), master:
            told = (source,) if source else ()
            place.secondaries.refresher._sources = Sources(told, ("127.3.3.3",))
            if source != "192.0.2.99":
                assert (await place.fetch(master.master)).what == "axfr"
                assert asked == {source or "127.3.3.3"}
                return
            with pytest.raises(Failed, match=r"from 192.0.2.99 \(settings transfer_source, dns_endpoint\)"):
                await place.fetch(master.master)
            assert asked == set()

    asyncio.run(run())
