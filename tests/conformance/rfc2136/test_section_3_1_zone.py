"""RFC 2136 3.1: the zone section."""

import dns.rdataclass
import dns.update
import pytest

from nsblast.store.values_v1 import ZoneKind
from tests.helpers.updating import ZONE, Updating, update


def adding(zone: str = "example.") -> dns.update.UpdateMessage:
    message = update(zone)
    message.add("new", 60, "A", "192.0.2.200")
    return message


def test_3_1_1_one_zone_of_type_soa(place: Updating) -> None:
    for count, rrtype in ((b"\0\0", b"\0\6"), (b"\0\2", b"\0\6"), (b"\0\1", b"\0\1")):
        packet = bytearray(adding().to_wire())
        packet[4:6] = count
        packet[12 + 9 : 12 + 11] = rrtype
        answer = place.wire(bytes(packet))
        assert answer[3] & 15 == 1, (count, rrtype)
        assert answer[2] == 0x80 | 5 << 3
    assert place.serial() == 100


@pytest.mark.parametrize("zone", ["elsewhere.", "www.example.", "none.child.example.", "."])
def test_3_1_2_a_zone_that_is_not_here_is_notauth(place: Updating, zone: str) -> None:
    assert place.rcode(adding(zone)) == "NOTAUTH"


def test_3_1_2_another_class_is_notauth(place: Updating) -> None:
    message = dns.update.UpdateMessage("example.", rdclass=dns.rdataclass.CH)
    message.delete("www")
    assert place.rcode(message) == "NOTAUTH"


def test_a_secondary_does_not_forward(place: Updating) -> None:
    place.zone("second.test.", ZONE.replace("example.", "second.test."), kind=ZoneKind.SECONDARY)
    assert place.rcode(adding("second.test.")) == "NOTAUTH"
    assert place.serial("second.test.") == 100


def test_3_8_the_answer_has_id_opcode_and_zone(place: Updating) -> None:
    message = adding()
    answer = place.send(message)
    assert answer.opcode() == 5
    assert answer.sections[0][0].name.to_text() == "example."
    assert not answer.sections[1]
    assert not answer.sections[2]


def test_names_in_any_case(place: Updating) -> None:
    message = update("EXAMPLE.")
    message.add("WWW", 300, "A", "192.0.2.12")
    assert place.rcode(message) == "NOERROR"
    assert "300 A 192.0.2.12" in place.shows("www.example.")
