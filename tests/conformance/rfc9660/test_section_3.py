"""RFC 9660 2 and 3: ZONEVERSION tells from which version of which zone an answer comes, when it is asked for."""

import dns.edns
import pytest

from tests.helpers.ask import Answer, Server

ZONES = (
    """\
$ORIGIN example.
@     300 IN SOA ns1 host 2024010101 3600 600 86400 60
@     300 IN NS ns1
ns1   300 IN A 192.0.2.1
www   300 IN A 192.0.2.10
*.w   300 IN A 192.0.2.11
cut   300 IN NS ns.cut
ns.cut 300 IN A 192.0.2.12
alias 300 IN CNAME www.other.test.
near  300 IN CNAME www
dname 300 IN DNAME other.test.
child 300 IN NS ns.child
""",
    """\
$ORIGIN other.test.
@   300 IN SOA ns1 host 7 3600 600 86400 60
@   300 IN NS ns1
ns1 300 IN A 192.0.2.2
www 300 IN A 192.0.2.20
""",
    """\
$ORIGIN child.example.
@   300 IN SOA ns host 4294967295 3600 600 86400 60
@   300 IN NS ns
ns  300 IN A 192.0.2.3
""",
)
ZONEVERSION = 19
EXAMPLE = bytes((1, 0)) + (2024010101).to_bytes(4, "big")


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(*ZONES)


def ask(server: Server, name: str, rdtype: str = "A", data: bytes = b"", **more: object) -> Answer:
    return server.ask(name, rdtype, options=[dns.edns.GenericOption(ZONEVERSION, data)], **more)  # type: ignore[arg-type]


def versions(answer: Answer) -> list[bytes]:
    return [option.to_wire() or b"" for option in answer.message.options if option.otype == ZONEVERSION]


@pytest.mark.parametrize(
    ("name", "rdtype"),
    [
        ("www.example", "A"),
        ("example", "SOA"),
        ("www.example", "TXT"),
        ("nothing.example", "A"),
        ("a.w.example", "A"),
        ("near.example", "A"),
        ("x.cut.example", "A"),
        ("alias.example", "A"),
        ("www.dname.example", "A"),
        ("child.example", "DS"),
    ],
)
def test_3_2_the_zone_that_encloses_the_name_asked_for(server: Server, name: str, rdtype: str) -> None:
    """Data, no data, no name, wildcards, referrals; of a chain the zone where it begins."""
    assert versions(ask(server, name, rdtype)) == [EXAMPLE]


def test_2_1_labels_and_serial_are_those_of_the_deepest_zone(server: Server) -> None:
    assert versions(ask(server, "ns.child.example")) == [bytes((2, 0, 255, 255, 255, 255))]
    assert versions(ask(server, "www.other.test")) == [bytes((2, 0, 0, 0, 0, 7))]


def test_3_2_nothing_where_the_server_is_not_authoritative(server: Server) -> None:
    answer = ask(server, "elsewhere.net")
    assert answer.rcode == "REFUSED"
    assert versions(answer) == []


def test_3_2_nothing_that_was_not_asked_for(server: Server) -> None:
    assert versions(server.ask("www.example", "A", edns=0)) == []
    assert server.ask("www.example", "A").message.edns == -1


def test_3_2_data_in_the_request_is_passed_over(server: Server) -> None:
    assert versions(ask(server, "www.example", data=b"\2\0\0\0\0\1")) == [EXAMPLE]


def test_3_2_once_however_often_it_is_asked_for(server: Server) -> None:
    twice = [dns.edns.GenericOption(ZONEVERSION, b"")] * 2
    assert versions(server.ask("www.example", "A", options=twice)) == [EXAMPLE]


def test_not_with_bad_requests(server: Server) -> None:
    answer = server.ask("www.example", "A", edns=1, options=[dns.edns.GenericOption(ZONEVERSION, b"")])
    assert answer.rcode == "BADVERS"
    assert versions(answer) == []


def test_the_option_has_its_room_in_a_truncated_answer() -> None:
    many = "\n".join(f"many 300 IN TXT {'x' * 200}{number}" for number in range(10))
    answer = ask(Server(ZONES[0] + many), "many.example", "TXT", tcp=False, size=512)
    assert "TC" in answer.flags
    assert versions(answer) == [EXAMPLE]
