"""RFC 2181 8: a TTL is an unsigned number of 31 bits; the largest comes out as it is."""

from tests.helpers.ask import Server

ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns 2147483647 A 192.0.2.1\n"


def test_largest_ttl() -> None:
    Server(ZONE).ask("ns.example").gives("NOERROR aa\nANSWER\nns.example. 2147483647 A 192.0.2.1")
