"""RFC 8914: why a name is refused is told as an extended error (4.21), to those who understand EDNS."""

from tests.helpers.ask import Server

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\naway CNAME other.test.\n"


def test_4_21_not_authoritative() -> None:
    answer = Server(ZONE).ask("www.example.org", edns=0)
    assert answer.rcode == "REFUSED"
    assert answer.ede == [20]


def test_2_without_edns_there_is_no_place_for_it() -> None:
    answer = Server(ZONE).ask("www.example.org")
    assert answer.rcode == "REFUSED"
    assert answer.ede == []


def test_no_extended_error_where_nothing_is_wrong() -> None:
    server = Server(ZONE)
    for qname in ("ns.example", "nothing.example", "away.example"):
        assert server.ask(qname, edns=0).ede == []
