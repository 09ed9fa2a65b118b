"""RFC 2136 3.4: the update section, and 2.5, its forms."""

import dns.name
import pytest

from nsblast.transfer.rules import Act
from tests.helpers.updating import Updating, update

APEX_SETS = ["300 MX 10 mail.example.", "300 NS ns1.example.", "300 NS ns2.example."]


def without_soa(shown: list[str]) -> list[str]:
    return [line for line in shown if " SOA " not in line]


@pytest.mark.parametrize(
    ("rclass", "rrtype", "ttl", "rdata"),
    [
        (1, 255, 0, b""),
        (1, 252, 0, b""),
        (1, 253, 0, b""),
        (1, 254, 0, b""),
        (1, 41, 0, b""),
        (1, 1, 60, b"\0" * 5),
        (255, 1, 1, b""),
        (255, 1, 0, b"\0" * 4),
        (255, 252, 0, b""),
        (254, 1, 1, b"\0" * 4),
        (254, 255, 0, b"\0"),
        (254, 253, 0, b"\0"),
        (3, 1, 0, b"\0" * 4),
    ],
)
def test_3_4_1_prescan_malformed(place: Updating, rclass: int, rrtype: int, ttl: int, rdata: bytes) -> None:
    """Nothing is done, even of what stands before."""
    place.rules[Act.UPDATE] = ("any",)
    good = b"\3new\xc0\x0c" + bytes.fromhex("0001 0001 0000003c 0004 c00002c8")
    fixed = rrtype.to_bytes(2, "big") + rclass.to_bytes(2, "big") + ttl.to_bytes(4, "big")
    bad = b"\xc0\x0c" + fixed + len(rdata).to_bytes(2, "big") + rdata
    packet = bytearray(update().to_wire() + good + bad)
    packet[9] = 2
    assert place.wire(bytes(packet))[3] & 15 == 1
    packet[9] = 1
    del packet[-len(bad) :]
    assert place.serial() == 100
    assert place.wire(bytes(packet))[3] & 15 == 0
    assert place.shows("new.example.") == ["60 A 192.0.2.200"]


@pytest.mark.parametrize("name", ["www.elsewhere.", "ns1.child.example.", "child.example."])
def test_3_4_1_names_out_of_the_zone(place: Updating, name: str) -> None:
    message = update()
    message.add("new", 60, "A", "192.0.2.200")
    message.add(dns.name.from_text(name), 60, "A", "192.0.2.1")
    assert place.rcode(message) == "NOTZONE"
    assert place.shows("new.example.") == []


def test_the_parents_side_of_a_child_here(place: Updating) -> None:
    """RFC 4035 2.4: delegation and DS are the parent's."""
    message = update()
    message.add("child", 300, "NS", "ns1.child.example.")
    message.add("child", 300, "DS", "1 13 2 " + "ab" * 32)
    assert place.rcode(message) == "NOERROR"
    assert len(place.shows("child.example.")) == 2
    assert "300 A 192.0.2.77" in place.shows("ns1.child.example.", "child.example.")


def test_3_4_2_2_add(place: Updating) -> None:
    message = update()
    message.add("www", 300, "A", "192.0.2.12", "192.0.2.13")
    message.add("x.y", 60, "TXT", '"new"')
    assert place.rcode(message) == "NOERROR"
    assert [line for line in place.shows("www.example.") if " A " in line] == [
        f"300 A 192.0.2.{last}" for last in (10, 11, 12, 13)
    ]
    assert place.shows("x.y.example.") == ['60 TXT "new"']
    assert place.serial() == 101


def test_3_4_2_2_add_what_is_there_changes_nothing(place: Updating) -> None:
    message = update()
    message.add("www", 300, "A", "192.0.2.10")
    message.add("@", 300, "NS", "NS1")
    assert place.rcode(message) == "NOERROR"
    assert place.serial() in (100, 101)  # the spelling of the one name may be taken over
    assert len(place.shows("example.")) == 4


def test_3_4_2_2_ttl_of_the_set_follows(place: Updating) -> None:
    message = update()
    message.add("www", 77, "A", "192.0.2.10")
    assert place.rcode(message) == "NOERROR"
    assert place.shows("www.example.") == ['300 TXT "one"', "77 A 192.0.2.10", "77 A 192.0.2.11"]


def test_3_4_2_2_cname_beside_others_is_ignored(place: Updating) -> None:
    message = update()
    message.add("www", 60, "CNAME", "mail")
    message.add("@", 60, "CNAME", "mail")
    message.add("alias", 60, "A", "192.0.2.1")
    assert place.rcode(message) == "NOERROR"
    assert place.serial() == 100


def test_3_4_2_2_cname_replaces_cname(place: Updating) -> None:
    message = update()
    message.add("alias", 60, "CNAME", "mail")
    assert place.rcode(message) == "NOERROR"
    assert place.shows("alias.example.") == ["60 CNAME mail.example."]


def test_3_4_2_in_order(place: Updating) -> None:
    """A deletion first makes room for what follows it, in one message."""
    message = update()
    message.delete("www")
    message.add("www", 60, "CNAME", "mail")
    message.delete("alias", "CNAME")
    message.add("alias", 60, "A", "192.0.2.9")
    assert place.rcode(message) == "NOERROR"
    assert place.shows("www.example.") == ["60 CNAME mail.example."]
    assert place.shows("alias.example.") == ["60 A 192.0.2.9"]
    assert place.serial() == 101


@pytest.mark.parametrize(
    ("serial", "then"), [(99, 100), (100, 100), (200, 200), (100 + 2**31 + 5, 100), (100 + 2**31 - 1, 2**31 + 99)]
)
def test_3_4_2_2_soa_only_when_newer(place: Updating, serial: int, then: int) -> None:
    message = update()
    message.add("@", 300, "SOA", f"ns1 other {serial} 1 2 3 4")
    assert place.rcode(message) == "NOERROR"
    assert place.serial() == then
    assert ("other.example." in " ".join(place.shows("example."))) is (then != 100)


def test_3_4_2_2_soa_below_the_apex_is_ignored(place: Updating) -> None:
    message = update()
    message.add("www", 300, "SOA", "ns1 other 200 1 2 3 4")
    assert place.rcode(message) == "NOERROR"
    assert place.serial() == 100


def test_3_4_2_2_wks(place: Updating) -> None:
    for services in ("25", "53 80"):
        message = update()
        message.add("wks", 300, "WKS", f"192.0.2.1 6 {services}")
        assert place.rcode(message) == "NOERROR"
    assert len(place.shows("wks.example.")) == 1
    message = update()
    message.add("wks", 300, "WKS", "192.0.2.1 17 53")
    assert place.rcode(message) == "NOERROR"
    assert len(place.shows("wks.example.")) == 2


def test_3_4_2_3_delete_an_rrset(place: Updating) -> None:
    message = update()
    message.delete("www", "A")
    message.delete("nobody", "A")
    assert place.rcode(message) == "NOERROR"
    assert place.shows("www.example.") == ['300 TXT "one"']


def test_3_4_2_3_the_apex_keeps_soa_and_ns(place: Updating) -> None:
    message = update()
    for rrtype in ("SOA", "NS"):
        message.delete("@", rrtype)
    assert place.rcode(message) == "NOERROR"
    assert place.serial() == 100
    message = update()
    message.delete("@")
    assert place.rcode(message) == "NOERROR"
    assert without_soa(place.shows("example.")) == APEX_SETS[1:]


def test_3_4_2_3_delete_a_name(place: Updating) -> None:
    message = update()
    message.delete("www")
    message.delete("b")
    assert place.rcode(message) == "NOERROR"
    assert place.shows("www.example.") == []
    assert place.shows("a.b.example.") != []


def test_3_4_2_4_delete_one(place: Updating) -> None:
    message = update()
    message.delete("www", "A", "192.0.2.10")
    message.delete("www", "A", "192.0.2.99")
    message.delete("@", "MX", "10 MAIL.Example.")
    assert place.rcode(message) == "NOERROR"
    assert place.shows("www.example.") == ["300 A 192.0.2.11", '300 TXT "one"']
    assert without_soa(place.shows("example.")) == APEX_SETS[1:]


def test_3_4_2_4_the_last_ns_and_the_soa_stay(place: Updating) -> None:
    soa = next(line for line in place.shows("example.") if " SOA " in line).split(" SOA ")[1]
    message = update()
    message.delete("@", "NS", "ns1")
    message.delete("@", "NS", "ns2")
    message.delete("@", "SOA", soa)
    assert place.rcode(message) == "NOERROR"
    shown = place.shows("example.")
    assert [line for line in shown if " NS " in line] == ["300 NS ns2.example."]
    assert any(" SOA " in line for line in shown)


def test_3_4_2_4_another_ns_first_lets_the_old_one_go(place: Updating) -> None:
    message = update()
    message.add("@", 300, "NS", "ns3.elsewhere.")
    message.delete("@", "NS", "ns1")
    message.delete("@", "NS", "ns2")
    assert place.rcode(message) == "NOERROR"
    assert [line for line in place.shows("example.") if " NS " in line] == ["300 NS ns3.elsewhere."]


def test_3_5_all_or_nothing(place: Updating) -> None:
    """What the zone's rules refuse takes the whole message with it."""
    message = update()
    message.add("d", 300, "DNAME", "elsewhere.")
    message.add("x.d", 300, "A", "192.0.2.1")
    message.add("new", 300, "A", "192.0.2.1")
    assert place.rcode(message) == "REFUSED"
    assert place.shows("new.example.") == []
    assert place.serial() == 100


def test_3_6_one_serial_a_message(place: Updating) -> None:
    message = update()
    for number in range(500):
        message.add(f"n{number}", 60, "A", "192.0.2.1")
    assert place.rcode(message) == "NOERROR"
    assert place.serial() == 101
    (change,) = place.backend.history(b"\7example\0", limit=1)
    assert (change.serial_from, change.serial_to) == (100, 101)


def test_2181_8_a_ttl_with_its_highest_bit_is_zero(place: Updating) -> None:
    message = update()
    message.add("new", 0, "A", "192.0.2.1")
    packet = bytearray(message.to_wire())
    packet[-10:-6] = b"\xff\xff\xff\xff"
    place.rules[Act.UPDATE] = ("192.0.2.0/24",)
    assert place.wire(bytes(packet))[3] & 15 == 0
    assert place.shows("new.example.") == ["0 A 192.0.2.1"]


def test_7_retransmission(place: Updating) -> None:
    """The same datagram again is answered alike and does nothing: its prerequisite would fail by what it did itself."""
    message = update()
    message.absent("once")
    message.add("once", 60, "A", "192.0.2.1")
    place.rules[Act.UPDATE] = ("any",)
    packet = message.to_wire()
    first = place.wire(packet, tcp=False)
    assert first[3] & 15 == 0
    assert place.wire(packet, tcp=False) == first
    assert place.wire(packet, bytes((192, 0, 2, 98)), tcp=False)[3] & 15 == 6  # another client's is another
    assert place.serial() == 101
