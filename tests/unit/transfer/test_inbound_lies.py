"""Masters that lie, stop, or talk nonsense: what is served stays as it is, and the log says why. RFC 1995, 1982, 5936, 8945."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

import dns.message
import dns.rcode
import dns.rdatatype
import dns.tsig
import pytest

from nsblast.transfer.inbound_message import Fault
from tests.helpers.masters import APEX, Following, Said, Scripted, answer, axfr, following, soa, wire, zone
from tests.helpers.updating import tsig_of

Query = dns.message.Message
OTHER = "www.example. 300 A 192.0.2.99"


def split(query: Query, *parts: Sequence[str], end: bool = True) -> list[Said]:
    """Several messages, and the end of the connection."""
    return [*(wire(query, part) for part in parts), *([None] if end else [])]


def raw(query: Query, lines: Sequence[str], change: Callable[[bytearray], None]) -> bytes:
    """A message with some octets changed."""
    octets = bytearray(wire(query, lines))
    change(octets)
    return bytes(octets)


def at(place: int, octet: int) -> Callable[[bytearray], None]:
    def change(octets: bytearray) -> None:
        octets[place] = octet

    return change


def chained(query: Query, hops: int) -> bytes:
    """A zone in one message whose last owner name is at the end of a chain of pointers."""
    head = query.id.to_bytes(2, "big") + b"\x84\0\0\0" + (4).to_bytes(2, "big") + bytes(4)
    start = b"\7example\0\0\6\0\1\0\0\0\0\0\x16\0\0" + b"".join(n.to_bytes(4, "big") for n in (2, 1, 1, 9, 1))
    ns = b"\xc0\x0c\0\2\0\1\0\0\0\0\0\2\xc0\x0c"
    begin = len(head + start + ns) + 12
    chain = b"\xc0\x0c" + b"".join((0xC000 | begin + 2 * number).to_bytes(2, "big") for number in range(hops - 1))
    kept = b"\xc0\x0c\xff\0\0\1\0\0\0\0" + len(chain).to_bytes(2, "big") + chain
    return head + start + ns + kept + (0xC000 | begin + 2 * (hops - 1)).to_bytes(2, "big") + start[9:]


# What is answered to AXFR, and what is said of it.
WHOLE: dict[str, tuple[Callable[[Query], Sequence[Said]], str]] = {
    "no final SOA": (lambda q: split(q, zone(2, OTHER)), "ended before the transfer"),
    "cut in a message": (lambda q: [wire(q, axfr(2))[:-20], None], "malformed|ended before"),
    "nothing": (lambda q: [None], "ended before the transfer"),
    "no records": (lambda q: split(q, []), "holds no records"),
    "no SOA first": (lambda q: split(q, axfr(2)[1:]), "does not begin with the zone's SOA"),
    "another zone's SOA": (lambda q: split(q, [soa(2, apex="other."), soa(2, apex="other.")]), "does not begin"),
    "other question": (
        lambda q: [wire(dns.message.make_query("other.", "AXFR", id=q.id, use_edns=False), axfr(2))], "not the one asked",
    ),
    "other id": (lambda q: [wire(q, axfr(2), id=q.id ^ 1)], "another id"),
    "a query": (lambda q: [raw(q, axfr(2), at(2, 0))], "no answer to a query"),
    "out of zone": (lambda q: split(q, axfr(2, "www.other. 300 A 192.0.2.1")), "www.other. is not in the zone"),
    "above the zone": (lambda q: split(q, axfr(2, ". 300 A 192.0.2.1")), r"\. is not in the zone"),
    "SOA below": (lambda q: split(q, axfr(2, soa(2, apex="sub.example."))), "below the zone's apex"),
    "end differs": (lambda q: split(q, [*zone(2), soa(3)]), "not the one it began with"),
    "end differs in refresh": (lambda q: split(q, [*zone(2), soa(2, refresh=1)]), "not the one it began with"),
    "more behind the end": (lambda q: split(q, [*axfr(2), OTHER]), "follows the final SOA"),
    "no NS": (lambda q: split(q, [soa(2), OTHER, soa(2)]), "NS"),
    "CNAME and others": (
        lambda q: split(q, axfr(2, "c.example. 300 CNAME www.example.", "c.example. 300 A 192.0.2.1")), "CNAME",
    ),
    "older": (lambda q: split(q, axfr(0)), "older than ours"),
    "much older, by RFC 1982": (lambda q: split(q, axfr(2**31 + 2)), "older than ours"),
    "refused": (lambda q: [wire(q, [], rcode=dns.rcode.REFUSED)], "REFUSED"),
    "not its zone": (lambda q: [wire(q, [], rcode=dns.rcode.NOTAUTH)], "NOTAUTH"),
    "fails on the way": (lambda q: [wire(q, zone(2)), wire(q, [], rcode=dns.rcode.SERVFAIL)], "SERVFAIL"),
    "truncated": (lambda q: [raw(q, axfr(2), at(2, 0x86))], "truncated"),
    "garbage": (lambda q: [q.id.to_bytes(2, "big") + b"\x84\0\0\0\x40" + b"\xff" * 500], "malformed|cut short"),
    "a pointer to itself": (
        lambda q: [q.id.to_bytes(2, "big") + b"\x84\0\0\0\0\1\0\0\0\0\xc0\x0c\0\6\0\1\0\0\0\0\0\0"], "malformed",
    ),
    "a chain of a thousand pointers": (lambda q: [chained(q, 1000), None], "malformed"),
    "short": (lambda q: [b"\0"], "shorter than a header"),
    "class CH": (
        lambda q: [raw(q, axfr(2), lambda o: o.__setitem__(slice(len(o) - 58, None), o[-58:].replace(b"\0\6\0\1", b"\0\6\0\3")))],
        "class 3|malformed",
    ),
    "an A record of five octets": (
        lambda q: [wire(q, axfr(2, r"x.example. 300 TYPE65280 \# 5 0102030405")).replace(b"\xff\x00\0\1", b"\0\1\0\1")], "malformed",
    ),
    "a TSIG record among the answers": (
        lambda q: [wire(q, axfr(2, r"x.example. 300 TYPE65280 \# 2 0102")).replace(b"\xff\x00\0\1", b"\0\xfa\0\1")], "cannot stand",
    ),
    "slow": (lambda q: [wire(q, zone(2)), 60.0, wire(q, [soa(2)])], "nothing came"),
    "too large": (lambda q: split(q, axfr(2, *(f"h{n}.example. 300 TXT {'x' * 200}" for n in range(100)))), r"larger than 16KiB \(setting transfer_in_limit\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", WHOLE)
def test_a_whole_zone_that_is_not_what_it_should_be(case: str) -> None:
    said, expected = WHOLE[case]
    slow = case == "slow"

    async def run() -> None:
        async with following(said, serial=2, transfer_in_limit=16384) as (place, lying):
            before = place.contents(), place.record
            if slow:
                place.secondaries.adjust(place.settings.model_copy(update={"transfer_in_idle": 0.3}))
            with pytest.raises(Fault, match=expected):
                await place.fetch(lying.master)
            assert (place.contents(), place.record) == before
            assert place.status()["failures"] == 1
            assert re.search(expected, place.status()["last_error"])
            # The next master has it, and as much time as it needs.
            place.secondaries.adjust(place.settings)
            async with Scripted(lambda q: split(q, axfr(3, OTHER), end=False), serial=3) as good:
                done = await place.fetch(*(() if slow else (lying.master,)), good.master)
            assert (done.what, done.master, place.record.serial) == ("axfr", good.master, 3)
            assert "www.example. A 192.0.2.99" in place.contents()

    asyncio.run(run())


def ixfr(*parts: Sequence[str]) -> Callable[[Query], Sequence[Said]]:
    """Answers IXFR with these messages, and AXFR with version 3, which says so."""

    def say(query: Query) -> Sequence[Said]:
        if dns.rdatatype.to_text(query.question[0].rdtype) == "IXFR":
            return split(query, *parts, end=False)
        return split(query, axfr(3, "axfr.example. 300 A 192.0.2.3"), end=False)

    return say


GONE = "www.example. 300 A 192.0.2.10"
STEPS: dict[str, tuple[list[list[str]], str | None]] = {
    # Parts, and what is said of it; None: what fits nowhere, so that the whole zone is asked for.
    "deletes what is not there": ([[soa(3), soa(1), OTHER, soa(3), soa(3)]], None),
    "deletes at a name that is not there": ([[soa(3), soa(1), "no.example. 300 A 192.0.2.1", soa(3), soa(3)]], None),
    "adds what is there": ([[soa(3), soa(1), soa(3), GONE, soa(3)]], None),
    "takes the last NS away": ([[soa(3), soa(1), "example. 300 NS ns1.example.", soa(3), soa(3)]], None),
    "breaks a rule of zones": ([[soa(3), soa(1), soa(3), "www.example. 300 CNAME x.example.", soa(3)]], None),
    "out of zone": ([[soa(3), soa(1), soa(3), "www.other. 300 A 192.0.2.1", soa(3)]], None),
    "a gap between versions": ([[soa(4), soa(1), soa(2), soa(3), soa(4), soa(4)]], "begins at serial 3"),
    "backwards": ([[soa(3), soa(1), soa(0), soa(3), soa(3)]], "back to 0"),
    "past the end": ([[soa(3), soa(1), soa(5), soa(5), soa(6), soa(3)]], "lead past serial 3"),
    "end differs": ([[soa(3), soa(1), soa(3), OTHER, soa(3, refresh=9)]], "not the one it began with"),
    "more behind the end": ([[soa(3), soa(1), soa(3), OTHER, soa(3), GONE]], "follows the final SOA"),
    "SOA below": ([[soa(3), soa(1), soa(3, apex="sub.example."), soa(3), soa(3)]], "below the zone's apex"),
    "from a version nobody has": ([[soa(3), soa(2), soa(3), soa(3)]], "not the one it began with|final SOA|NS"),
}


@pytest.mark.parametrize("case", STEPS)
def test_differences_that_are_not_what_they_should_be(case: str) -> None:
    parts, expected = STEPS[case]

    async def run() -> None:
        async with following(ixfr(*parts), serial=3) as (place, lying):
            before = place.contents(), place.record
            if expected is None:
                done = await place.fetch(lying.master)
                assert done.what == "axfr"
                assert lying.asked == ["SOA/udp", "IXFR/tcp", "AXFR/tcp"]
                assert "axfr.example. A 192.0.2.3" in place.contents()
            else:
                with pytest.raises(Fault, match=expected):
                    await place.fetch(lying.master)
                assert (place.contents(), place.record) == before

    asyncio.run(run())


def test_a_difference_that_breaks_off_changes_nothing() -> None:
    async def run() -> None:
        script = ixfr([soa(3), soa(1), soa(2), OTHER], [soa(2)])
        async with following(lambda q: [*script(q), None], serial=3) as (place, lying):
            before = place.contents(), place.record
            with pytest.raises(Fault, match="ended before"):
                await place.fetch(lying.master)
            assert (place.contents(), place.record) == before

    asyncio.run(run())


# -- the SOA over UDP

PROBES: dict[str, tuple[Callable[[Query], Sequence[Said]], str]] = {
    "no SOA": (lambda q: [wire(q, [OTHER])], "no SOA of the zone"),
    "of another zone": (lambda q: [wire(q, [soa(9, apex="other.")])], "no SOA of the zone"),
    "not its zone": (lambda q: [wire(q, [], rcode=dns.rcode.NOTAUTH)], "NOTAUTH"),
    "older": (lambda q: [wire(q, [soa(0)])], "older than ours"),
}  # fmt: skip


@pytest.mark.parametrize("case", PROBES)
def test_an_soa_that_leads_nowhere(case: str) -> None:
    said, expected = PROBES[case]

    async def run() -> None:
        async with following(lambda q: split(q, axfr(9)), said) as (place, lying):
            with pytest.raises(Fault, match=expected):
                await place.fetch(lying.master)
            assert all(asked == "SOA/udp" for asked in lying.asked)
            assert place.record.serial == 1

    asyncio.run(run())


@pytest.mark.parametrize("over_tcp", [True, False], ids=["Knot's catalog", "refused"])
def test_what_is_refused_over_udp_is_asked_over_tcp(over_tcp: bool) -> None:
    """Knot tells of a catalog zone over TCP alone."""

    def refuse(query: Query) -> Sequence[Said]:
        return [wire(query, [], rcode=dns.rcode.REFUSED)]

    def tcp(query: Query) -> Sequence[Said]:
        if not over_tcp:
            return refuse(query)
        return [wire(query, [soa(2)])] if query.question[0].rdtype == dns.rdatatype.SOA else split(query, axfr(2))

    async def run() -> None:
        async with following(tcp, refuse) as (place, lying):
            if over_tcp:
                assert (await place.fetch(lying.master)).times.serial == 2
            else:
                with pytest.raises(Fault, match="REFUSED"):
                    await place.fetch(lying.master)
                assert place.record.serial == 1
            assert lying.asked[:2] == ["SOA/udp", "SOA/tcp"]

    asyncio.run(run())


def test_answers_to_other_questions_are_passed_over() -> None:
    def udp(query: Query) -> Sequence[Said]:
        return [wire(query, [soa(9)], id=query.id ^ 1), b"\0", wire(query, [soa(2)])]

    async def run() -> None:
        async with following(lambda q: split(q, axfr(2)), udp) as (place, master):
            assert (await place.fetch(master.master)).times.serial == 2

    asyncio.run(run())


def test_no_edns_where_it_is_not_known() -> None:
    def udp(query: Query) -> Sequence[Said]:
        return [wire(query, [], rcode=dns.rcode.FORMERR)] if query.edns >= 0 else [wire(query, [soa(1)])]

    async def run() -> None:
        async with following(lambda _: [None], udp) as (place, master):
            assert (await place.fetch(master.master)).what == "current"

    asyncio.run(run())


def test_a_truncated_soa_is_asked_for_over_tcp() -> None:
    def tcp(query: Query) -> Sequence[Said]:
        return split(query, [soa(2)] if query.question[0].rdtype == dns.rdatatype.SOA else axfr(2), end=False)

    async def run() -> None:
        async with following(tcp, lambda q: [raw(q, [], at(2, 0x86))]) as (place, master):
            assert (await place.fetch(master.master)).times.serial == 2
            assert master.asked == ["SOA/udp", "SOA/tcp", "IXFR/tcp"]

    asyncio.run(run())


# -- signatures


def signed(place: Following, query: Query, *parts: Sequence[str], skip: Sequence[int] = (), **key: Any) -> list[Said]:
    """Messages signed as one answer; those of skip bear no signature."""
    ctx: Any = None
    found: list[Said] = []
    for number, part in enumerate(parts):
        message = answer(query, part)
        message.use_tsig(key.get("key") or tsig_of(place.key))
        message.request_mac = query.mac
        if number in skip:
            octets = wire(query, part)
            ctx.update(octets)
            found.append(octets)
            continue
        octets = message.to_wire(max_size=65535, multi=True, tsig_ctx=ctx)
        ctx = message.tsig_ctx
        found.append(octets)
    return found


PARTS = (zone(2), [OTHER], ["x.example. 300 A 192.0.2.4"], [soa(2)])


@pytest.mark.parametrize(
    ("skip", "change", "expected"),
    [
        ((), None, None),
        ((1, 2), None, None),
        ((3,), None, "last message is not signed"),
        ((), 1, "not signed rightly"),
        ((), 3, "not signed rightly"),
        ((1,), 1, "not signed rightly"),
        (None, None, "not signed rightly"),
    ],
)
def test_signatures_of_many_messages(skip: tuple[int, ...] | None, change: int | None, expected: str | None) -> None:
    async def run() -> None:
        held: list[Following] = []

        def tcp(query: Query) -> Sequence[Said]:
            if skip is None:
                return split(query, *PARTS)
            said = signed(held[0], query, *PARTS, skip=skip)
            if change is not None:
                one = said[change]
                assert isinstance(one, bytes)
                said[change] = one.replace(bytes((192, 0, 2)), bytes((192, 0, 3))).replace(b"host", b"hosT", 1)
            return said

        def udp(query: Query) -> Sequence[Said]:
            return signed(held[0], query, [soa(2)])

        async with following(tcp, udp) as (place, master):
            held.append(place)
            master.keyring = {tsig_of(place.key).name: tsig_of(place.key)}
            with_key = master.master._replace(tsig=place.key.name)
            before = place.contents(), place.record
            if expected is None:
                assert (await place.fetch(with_key)).times.serial == 2
                assert "x.example. A 192.0.2.4" in place.contents()
            else:
                with pytest.raises(Fault, match=expected):
                    await place.fetch(with_key)
                assert (place.contents(), place.record) == before

    asyncio.run(run())


@pytest.mark.parametrize("between", [99, 100])
def test_a_run_of_unsigned_messages(between: int) -> None:
    """RFC 8945 5.3.1: at most 99 of them."""

    async def run() -> None:
        held: list[Following] = []
        parts = [zone(2), *([f"h{number}.example. 300 A 192.0.2.4"] for number in range(between)), [soa(2)]]

        def tcp(query: Query) -> Sequence[Said]:
            return signed(held[0], query, *parts, skip=range(1, between + 1))

        async with following(tcp, lambda q: signed(held[0], q, [soa(2)])) as (place, master):
            held.append(place)
            master.keyring = {tsig_of(place.key).name: tsig_of(place.key)}
            with_key = master.master._replace(tsig=place.key.name)
            if between == 99:
                assert (await place.fetch(with_key)).times.serial == 2
                assert "h98.example. A 192.0.2.4" in place.contents()
            else:
                with pytest.raises(Fault, match="not signed rightly"):
                    await place.fetch(with_key)
                assert place.record.serial == 1

    asyncio.run(run())


def test_a_key_that_is_not_there() -> None:
    async def run() -> None:
        async with following(lambda q: split(q, axfr(2)), serial=2) as (place, master):
            with pytest.raises(Fault, match=r"there is no key none\.key\."):
                await place.fetch(master.master._replace(tsig="none.key."))
            assert master.asked == []

    asyncio.run(run())


def test_a_zone_of_one_record_a_message() -> None:
    async def run() -> None:
        lines = axfr(2, OTHER)
        async with following(lambda q: split(q, *([line] for line in lines)), serial=2) as (place, master):
            assert (await place.fetch(master.master)).what == "axfr"
            assert "www.example. A 192.0.2.99" in place.contents()

    asyncio.run(run())


def test_names_are_decompressed_in_any_rdata() -> None:
    more = [
        "m.example. 300 MX 10 ns1.example.",
        "s.example. 300 SRV 1 2 3 www.example.",
        'n.example. 300 NAPTR 1 2 "u" "" "" www.example.',
    ]

    async def run() -> None:
        async with following(lambda q: split(q, axfr(2, *more)), serial=2) as (place, master):
            await place.fetch(master.master)
            shown = place.contents()
            assert "m.example. MX 10 ns1.example." in shown
            assert "s.example. SRV 1 2 3 www.example." in shown

    asyncio.run(run())


assert APEX
