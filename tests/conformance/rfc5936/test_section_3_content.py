"""RFC 5936 3, 4: what stands in a transferred zone (names as they are, cuts, occluded names), and over what it goes."""

from nsblast.records import name_from_text
from nsblast.zones.model import PutName, RRset
from tests.helpers import transfers
from tests.helpers.giving import Giving

ADDRESS = RRset(1, 60, (bytes((192, 0, 2, 77)),))


def owners(place: Giving, zone: str = "example.") -> set[tuple[str, str]]:
    return {(owner, rdtype) for owner, rdtype, _, _ in place.whole(zone)}


def test_3_1_records_are_those_of_the_zone_and_each_once(place: Giving) -> None:
    records = [transfers.show(*one) for one in place.records(transfers.question("example."))[:-1]]
    assert len(records) == len(set(records)) == 13


def test_3_2_a_delegation_is_its_ns_and_glue(place: Giving) -> None:
    place.change(PutName(name_from_text("cut.example."), (RRset(2, 60, (b"\2ns\3cut\7example\0",)),)))
    place.change(PutName(name_from_text("ns.cut.example."), (ADDRESS,)))
    assert {("cut.example.", "NS"), ("ns.cut.example.", "A")} <= owners(place)


def test_3_2_a_child_zone_of_ours_is_left_out_but_for_cut_and_glue(place: Giving) -> None:
    """Two zones, two transfers: what the child says of itself is the child's, and its apex's NS there are not ours here."""
    place.change(PutName(name_from_text("child.example."), (RRset(2, 60, (b"\2ns\5child\7example\0",)),)))
    place.change(PutName(name_from_text("ns.child.example."), (ADDRESS,)))
    parent, child = owners(place), owners(place, "child.example.")
    assert {("child.example.", "NS"), ("ns.child.example.", "A")} <= parent
    assert ("child.example.", "SOA") not in parent
    assert ("ns1.child.example.", "A") not in parent
    assert child == {("child.example.", "SOA"), ("child.example.", "NS"), ("ns1.child.example.", "A")}


def test_3_4_spelling_is_kept(place: Giving) -> None:
    place.change(PutName(name_from_text("MiXeD.example."), (RRset(15, 60, (b"\0\1\4MAIL\7example\0",)),)))
    (record,) = [r for r in place.records(transfers.question("example.")) if b"MiXeD" in r[0].labels]
    assert record[2].exchange.labels[0] == b"MAIL"


def test_3_5_occluded_names_are_there(place: Giving) -> None:
    place.change(PutName(name_from_text("below.cut.example."), (ADDRESS,)))
    place.change(PutName(name_from_text("dn.example."), (RRset(39, 60, (b"\6target\4test\0",)),)))
    assert ("below.cut.example.", "A") in owners(place)
    assert ("dn.example.", "DNAME") in owners(place)


def test_3_5_wildcards_stand_as_they_are(place: Giving) -> None:
    place.change(PutName(name_from_text("*.example."), (ADDRESS,)))
    assert ("*.example.", "A") in owners(place)


def test_types_nobody_knows_come_through(place: Giving) -> None:
    place.change(PutName(name_from_text("odd.example."), (RRset(65280, 60, (b"\xc0\x0c\0",)),)))
    (record,) = [r for r in place.records(transfers.question("example.")) if r[0].labels[0] == b"odd"]
    assert record[2].to_wire() == b"\xc0\x0c\0"  # RFC 3597 4: never compressed


def test_4_2_not_over_udp(place: Giving) -> None:
    assert place.rcode_of(transfers.question("example."), tcp=False) == "REFUSED"


def test_6_a_zone_while_it_changes_is_one_version(place: Giving) -> None:
    """Commits between two messages of a transfer are not in it."""
    import asyncio

    import dns.message

    from tests.helpers.giving import Request

    for number in range(300):
        text = b"\xc8" + bytes((number % 256,)) * 200
        place.change(PutName(name_from_text(f"t{number}.example."), (RRset(16, 60, (text,)),)))
    before = place.whole()

    async def run() -> list[dns.message.Message]:
        answers = await place.outgoing.answer(Request(transfers.question("example.").to_wire()))
        assert not isinstance(answers, bytes)
        found = []
        async for wire in answers:
            found.append(dns.message.from_wire(wire, xfr=True, one_rr_per_rrset=True))
            change = PutName(name_from_text(f"t{299 - len(found)}.example."), (ADDRESS,))
            await asyncio.to_thread(place.change, change)
        return found

    messages = asyncio.run(run())
    assert len(messages) > 3
    assert transfers.contents(transfers.records(messages)) == before
    assert place.whole() != before
