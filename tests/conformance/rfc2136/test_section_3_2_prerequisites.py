"""RFC 2136 3.2: prerequisites, and 2.4, their forms."""

from collections.abc import Callable

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest
from dns.update import UpdateMessage

from nsblast.transfer.rules import Act
from tests.helpers.updating import Updating, update

CASES: list[tuple[str, Callable[[UpdateMessage], None], str]] = [
    ("2.4.1 RRset exists", lambda m: m.present("www", "A"), "NOERROR"),
    ("2.4.1 RRset does not", lambda m: m.present("www", "AAAA"), "NXRRSET"),
    ("2.4.1 name does not", lambda m: m.present("nobody", "A"), "NXRRSET"),
    ("2.4.2 exactly it", lambda m: m.present("www", "A", "192.0.2.10", "192.0.2.11"), "NOERROR"),
    ("2.4.2 order and case", lambda m: m.present("@", "NS", "NS2", "ns1"), "NOERROR"),
    ("2.4.2 a part", lambda m: m.present("www", "A", "192.0.2.10"), "NXRRSET"),
    ("2.4.2 more", lambda m: m.present("www", "A", "192.0.2.10", "192.0.2.11", "192.0.2.12"), "NXRRSET"),
    ("2.4.2 other", lambda m: m.present("www", "TXT", '"two"'), "NXRRSET"),
    ("2.4.3 RRset does not exist", lambda m: m.absent("www", "AAAA"), "NOERROR"),
    ("2.4.3 RRset does", lambda m: m.absent("www", "TXT"), "YXRRSET"),
    ("2.4.4 name in use", lambda m: m.present("www"), "NOERROR"),
    ("2.4.4 name not in use", lambda m: m.present("nobody"), "NXDOMAIN"),
    ("2.4.4 empty non-terminal", lambda m: m.present("b"), "NXDOMAIN"),
    ("2.4.5 name not in use", lambda m: m.absent("nobody"), "NOERROR"),
    ("2.4.5 empty non-terminal", lambda m: m.absent("b"), "NOERROR"),
    ("2.4.5 name in use", lambda m: m.absent("www"), "YXDOMAIN"),
    ("out of the zone", lambda m: m.present(dns.name.from_text("www.elsewhere."), "A"), "NOTZONE"),
    ("in a child zone here", lambda m: m.present("ns1.child", "A"), "NOTZONE"),
    ("a CNAME is not followed", lambda m: m.present("alias", "A"), "NXRRSET"),
    ("the first that fails", lambda m: (m.present("nobody"), m.absent("www"))[0], "NXDOMAIN"),
    ("before a fault after it", lambda m: (m.absent("www"), m.present("ns1.child"))[0], "YXDOMAIN"),
]


@pytest.mark.parametrize(("said", "demand", "rcode"), CASES, ids=[case[0] for case in CASES])
def test_prerequisite(place: Updating, said: str, demand: Callable[[UpdateMessage], None], rcode: str) -> None:
    """The update is done exactly when it holds."""
    message = update()
    demand(message)
    message.add("new", 60, "A", "192.0.2.200")
    assert place.rcode(message) == rcode, said
    done = rcode == "NOERROR"
    assert place.shows("new.example.") == (["60 A 192.0.2.200"] if done else [])
    assert place.serial() == 100 + done


@pytest.mark.parametrize(
    ("rclass", "rrtype", "ttl", "rdata"),
    [
        (255, 1, 1, b""),  # a TTL
        (254, 1, 1, b""),
        (1, 1, 1, b"\0" * 4),
        (255, 1, 0, b"\0" * 4),  # rdata
        (3, 1, 0, b""),  # another class
        (1, 255, 0, b""),  # an RRset of type ANY
        (1, 1, 0, b"\0" * 3),  # what no A is
    ],
)
def test_3_2_malformed(place: Updating, rclass: int, rrtype: int, ttl: int, rdata: bytes) -> None:
    message = bytearray(update().to_wire())
    message[7] = 1
    fixed = rrtype.to_bytes(2, "big") + rclass.to_bytes(2, "big") + ttl.to_bytes(4, "big")
    packet = bytes(message) + b"\xc0\x0c" + fixed + len(rdata).to_bytes(2, "big") + rdata
    place.rules[Act.UPDATE] = ("any",)
    assert place.wire(packet)[3] & 15 == 1


def test_only_prerequisites(place: Updating) -> None:
    """An update of nothing tells whether they hold."""
    message = update()
    message.absent("nobody")
    assert place.rcode(message) == "NOERROR"
    message = update()
    message.absent("www")
    assert place.rcode(message) == "YXDOMAIN"
    assert place.serial() == 100


def test_the_update_section_is_looked_at_after_them(place: Updating) -> None:
    for holds, rcode in ((True, "NOTZONE"), (False, "NXDOMAIN")):
        message = update()
        message.present("www" if holds else "nobody")
        message.add(dns.name.from_text("www.elsewhere."), 60, "A", "192.0.2.1")
        assert place.rcode(message) == rcode
