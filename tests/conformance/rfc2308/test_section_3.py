"""RFC 2308 3 and 5: the TTL of the SOA in a negative answer is the smaller of its own and its MINIMUM field."""

import pytest

from tests.helpers.ask import Server


def zone(ttl: int, minimum: int) -> str:
    return f"$ORIGIN example.\n$TTL 60\n@ {ttl} SOA ns host 1 2 3 4 {minimum}\n@ NS ns\nns A 192.0.2.1\n"


@pytest.mark.parametrize(
    ("ttl", "minimum", "given"), [(3600, 300, 300), (300, 3600, 300), (0, 300, 0), (300, 0, 0), (7, 7, 7)]
)
def test_smaller_of_both(ttl: int, minimum: int, given: int) -> None:
    server = Server(zone(ttl, minimum))
    for qname, qtype in [("nothing.example", "A"), ("ns.example", "TXT")]:
        assert [record[1] for record in server.ask(qname, qtype).section("AUTHORITY")] == [given]
    assert server.ask("example", "SOA").section("ANSWER")[0][1] == ttl, "asked for, it has its own TTL"
