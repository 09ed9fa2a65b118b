"""RFC 1995 2 to 5: transports, the query, the answer's three forms, condensing, what is not kept any more."""

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from nsblast.records import name_from_text
from nsblast.zones.model import PutName, RRset
from tests.helpers import transfers
from tests.helpers.giving import Giving


def put(place: Giving, label: str, *numbers: int) -> int:
    rdatas = tuple(bytes((192, 0, 2, number)) for number in numbers)
    return place.change(PutName(name_from_text(f"{label}.example."), (RRset(1, 60, rdatas),) if rdatas else ()))


def types(records: list[tuple[object, int, object]]) -> list[str]:
    return [record[2].rdtype.name for record in records]  # type: ignore[attr-defined]


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("ahead", [0, 1, 5, 2**31 - 1])
def test_2_who_has_it_or_a_newer_one_gets_one_soa(place: Giving, tcp: bool, ahead: int) -> None:
    records = place.records(transfers.question("example.", place.serial() + ahead), tcp=tcp)
    assert types(records) == ["SOA"]
    assert records[0][2].serial == place.serial()


@pytest.mark.parametrize("tcp", [False, True])
def test_2_and_4_a_difference(place: Giving, tcp: bool) -> None:
    before = place.whole()
    put(place, "new", 1, 2)
    put(place, "www", 10)
    query = transfers.question("example.", transfers.serial_of(before))
    records = place.records(query, tcp=tcp)
    assert types(records)[0] == types(records)[-1] == "SOA"
    assert records[0] == records[-1]
    assert records[1][2].serial == transfers.serial_of(before)
    assert transfers.apply(before, records) == place.whole()


def test_2_over_udp_what_does_not_fit_is_one_soa(place: Giving) -> None:
    before = place.serial()
    for number in range(100):
        put(place, f"n{number}", number)
    query = transfers.question("example.", before)
    (message,) = place.told(query, tcp=False)
    assert types(transfers.records([message])) == ["SOA"]
    assert not message.flags & dns.flags.TC
    query.use_edns(0, payload=4096)
    (message,) = place.told(query, tcp=False)
    assert len(message.to_wire()) <= 1232
    assert types(transfers.records([message])) == ["SOA"]


def test_2_over_udp_within_what_the_client_takes(place: Giving) -> None:
    before = place.whole()
    for number in range(12):
        put(place, f"name-that-is-long-{number}", number)
    query = transfers.question("example.", transfers.serial_of(before))
    assert types(place.records(query, tcp=False)) == ["SOA"]  # 512 octets
    query.use_edns(0, payload=1232)
    assert transfers.apply(before, place.records(query, tcp=False)) == place.whole()


def test_3_the_serial_is_in_the_authority_section(place: Giving) -> None:
    query = transfers.question("example.", 1)
    for bent in ("none", "other name"):
        query.authority.clear()
        if bent == "other name":
            query.authority.append(dns.rrset.from_text("other.", 0, "IN", "SOA", ". . 1 0 0 0 0"))
        assert place.rcode_of(query) == "FORMERR", bent


def test_4_deletions_before_additions_each_behind_its_soa(place: Giving) -> None:
    serial = place.serial()
    put(place, "www", 12)
    records = place.records(transfers.question("example.", serial))
    assert types(records) == ["SOA", "SOA", "A", "A", "TXT", "SOA", "A", "SOA"]
    serials = [record[2].serial for record in records if record[2].rdtype == dns.rdatatype.SOA]
    assert serials == [serial + 1, serial, serial + 1, serial + 1]


def test_4_condensed(place: Giving) -> None:
    before = place.whole()
    for number in range(5):
        put(place, "moving", number)
    put(place, "gone", 1)
    put(place, "gone")
    records = place.records(transfers.question("example.", transfers.serial_of(before)))
    assert types(records) == ["SOA", "SOA", "SOA", "A", "SOA"]
    assert transfers.apply(before, records) == place.whole()


def test_4_the_whole_zone_when_the_version_is_not_known(place: Giving) -> None:
    put(place, "new", 1)
    for serial in (1, 50, 2**32 - 5):
        records = place.records(transfers.question("example.", serial))
        assert types(records)[1] != "SOA"
        assert transfers.contents(records) == place.whole()


def test_4_after_a_replacement_too(place: Giving) -> None:
    """A zone that was replaced has its difference in the journal like any other change."""
    before = place.whole()
    place.zone(
        "example.", "$ORIGIN example.\n@ 300 IN SOA ns1 h 200 1 1 1 1\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.9\n"
    )
    records = place.records(transfers.question("example.", transfers.serial_of(before)))
    assert transfers.apply(before, records) == place.whole()
    assert len(place.whole()) == 3


def test_rfc1982_a_serial_that_wrapped(place: Giving) -> None:
    place.reset("$ORIGIN example.\n@ 300 IN SOA ns1 h 4294967295 1 1 1 1\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.9\n")
    before = place.whole()
    put(place, "new", 1)
    assert place.serial() in (0, 1)
    records = place.records(transfers.question("example.", 4294967295))
    assert transfers.apply(before, records) == place.whole()
    assert types(place.records(transfers.question("example.", place.serial()))) == ["SOA"]


def test_names_that_are_no_zone(place: Giving) -> None:
    for tcp in (False, True):
        assert place.rcode_of(transfers.question("www.example.", 1), tcp=tcp) == "NXDOMAIN"
        assert place.rcode_of(transfers.question("other.test.", 1), tcp=tcp) == "NOTAUTH"
