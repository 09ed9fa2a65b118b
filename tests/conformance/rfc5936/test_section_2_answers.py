"""RFC 5936 2: the query, what each message of an answer has in it, which name gets which response code, who may."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from nsblast.backend.local import LocalBackend
from nsblast.records import name_from_text
from nsblast.transfer import outgoing
from nsblast.zones.model import ChangeSet, ConfigureZone, PutName, RRset
from tests.helpers import transfers
from tests.helpers.giving import Giving
from tests.helpers.updating import key, tsig_of


def test_2_1_1_the_answer_is_to_the_question_asked(place: Giving) -> None:
    query = transfers.question("EXAMPLE.")
    (message,) = place.told(query)
    assert message.id == query.id
    assert [str(one.name) for one in message.question] == ["EXAMPLE."]
    assert message.question[0].rdtype == dns.rdatatype.AXFR


@pytest.mark.parametrize("section", ["answer", "authority"])
def test_2_1_other_sections_of_a_query_are_passed_over(place: Giving, section: str) -> None:
    query = transfers.question("example.")
    getattr(query, section).append(dns.rrset.from_text("example.", 0, "IN", "A", "192.0.2.1"))
    assert transfers.contents(place.records(query)) == place.whole()


def test_2_1_2_2_classes(place: Giving) -> None:
    query = transfers.question("example.")
    query.question[0].rdclass = dns.rdataclass.CH
    assert place.rcode_of(query) == "REFUSED"


def test_2_2_soa_first_and_last_and_nowhere_else(place: Giving) -> None:
    records = place.records(transfers.question("example."))
    soas = [index for index, (_, _, rdata) in enumerate(records) if rdata.rdtype == dns.rdatatype.SOA]
    assert soas == [0, len(records) - 1]
    assert records[0] == records[-1]
    assert len(records) == 14


def test_2_2_many_messages_each_with_its_header(place: Giving) -> None:
    for number in range(60):
        texts = tuple(b"\xc8" + bytes((number, part)) * 100 for part in range(5))
        place.change(PutName(name_from_text(f"t{number}.example."), (RRset(16, 60, texts),)))
    query = transfers.question("example.")
    wires = place.wires(query)
    assert len(wires) > 3
    for wire in wires:
        message = dns.message.from_wire(wire, xfr=True)
        assert message.id == query.id
        assert message.flags == dns.flags.QR | dns.flags.AA
        assert message.rcode() == dns.rcode.NOERROR
        assert [str(one.name) for one in message.question] == ["example."]
        assert message.authority == []
        assert message.additional == []
        assert message.answer
        assert len(wire) <= 16384
    assert len(place.whole()) == 13 + 300


def test_2_2_1_rd_is_copied_and_ra_clear(place: Giving) -> None:
    query = transfers.question("example.")
    query.flags |= dns.flags.RD | dns.flags.AD | dns.flags.CD
    (message,) = place.told(query)
    assert message.flags == dns.flags.QR | dns.flags.AA | dns.flags.RD


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        ("nothing.example.", "NXDOMAIN"),
        ("www.example.", "NXDOMAIN"),
        ("a.example.", "NXDOMAIN"),  # an empty non-terminal
        ("b.a.b.example.", "NXDOMAIN"),
        ("cut.example.", "NXDOMAIN"),
        ("ns1.child.example.", "NXDOMAIN"),
        ("example.test.", "NOTAUTH"),
        ("test.", "NOTAUTH"),
        (".", "NOTAUTH"),
    ],
)
def test_2_2_1_names_that_are_no_zone_of_ours(place: Giving, name: str, rcode: str) -> None:
    """Inside a zone of ours NXDOMAIN is this server's own rule, where 2.2.1 has NotAuth."""
    query = transfers.question(name)
    assert place.rcode_of(query) == rcode
    (message,) = place.told(query)
    assert not message.flags & dns.flags.AA


def test_2_2_1_failures_are_servfail(place: Giving) -> None:
    place.settled = False
    try:
        assert place.rcode_of(transfers.question("example.")) == "SERVFAIL"
    finally:
        place.settled = True


@pytest.mark.parametrize("serial", [None, 99])
def test_5_who_may_not_is_refused(place: Giving, serial: int | None) -> None:
    place.begin(allow_transfer=("192.0.2.128/25", "key:key.test."))
    assert place.rcode_of(transfers.question("example.", serial)) == "REFUSED"
    assert place.rcode_of(transfers.question("nothing.example.", serial)) == "NXDOMAIN"
    near = bytes((192, 0, 2, 200))
    assert len(place.records(transfers.question("example.", serial), client=near)) > 1
    signed = transfers.question("example.", serial, tsig_of(place.key))
    messages = place.wires(signed)
    told = dns.message.from_wire(messages[0], keyring=tsig_of(place.key), request_mac=signed.mac, xfr=True)
    assert told.rcode() == dns.rcode.NOERROR
    assert told.had_tsig


def test_5_a_key_opens_its_own_zones_only(place: Giving) -> None:
    place.begin(allow_transfer=())
    place.account(key("child.key.", transfer=True, update=False, zones=["child.example."]))
    theirs = tsig_of(key("child.key."))
    for zone, rcode in (("child.example.", "NOERROR"), ("example.", "REFUSED")):
        query = transfers.question(zone, key=theirs)
        (wire,) = place.wires(query)
        told = dns.message.from_wire(wire, keyring=theirs, request_mac=query.mac, xfr=True)
        assert dns.rcode.to_text(told.rcode()) == rcode


def test_5_a_zone_s_own_rule_stands_instead_of_the_default(place: Giving) -> None:
    change = ConfigureZone(None, None, {"access": {"transfer": ["none"]}})
    assert isinstance(place.backend, LocalBackend)
    place.backend.apply(ChangeSet(name_from_text("example."), (change,)))
    assert place.rcode_of(transfers.question("example.")) == "REFUSED"
    assert len(place.whole("child.example.")) == 3


def test_2_2_5_edns_only_in_the_first_message(place: Giving) -> None:
    for number in range(40):
        texts = tuple(b"\xc8" + bytes((number, part)) * 100 for part in range(5))
        place.change(PutName(name_from_text(f"t{number}.example."), (RRset(16, 60, texts),)))
    query = transfers.question("example.")
    query.use_edns(0, payload=4096)
    messages = place.told(query)
    assert [message.edns for message in messages] == [0] + [-1] * (len(messages) - 1)
    assert len(messages) > 1


def test_transfers_at_once_are_limited(place: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a client's turns is held by a transfer that is not taken; the next is told SERVFAIL after a while."""
    import asyncio

    from tests.helpers.giving import Request
    from tests.helpers.updating import CLIENT

    monkeypatch.setattr(outgoing, "TURN_WITHIN", 0.05)
    place.begin(transfers_per_client=1)
    packet = transfers.question("example.").to_wire()

    async def first(client: bytes) -> tuple[int, list[bytes]]:
        answers = await place.outgoing.answer(Request(packet, client))
        assert not isinstance(answers, bytes)
        begun = await anext(answers)
        second = await place.outgoing.answer(Request(packet, CLIENT))
        assert not isinstance(second, bytes)
        waited = [one async for one in second]
        await answers.aclose()
        return begun[3] & 15, waited

    rcode, waited = asyncio.run(first(CLIENT))
    assert rcode == 0
    assert [one[3] & 15 for one in waited] == [dns.rcode.SERVFAIL]
    rcode, waited = asyncio.run(first(bytes((192, 0, 2, 1))))  # another client has turns of its own
    assert [one[3] & 15 for one in waited] == [0]
    assert len(place.whole()) == 13  # and both came back
