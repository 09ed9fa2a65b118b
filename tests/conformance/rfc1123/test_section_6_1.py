"""RFC 1123 6.1.2.1 (records with TTL zero are served) and 6.1.3.2 (what UDP cuts short TCP has whole)."""

from tests.helpers.ask import Server

ZONE = """
$ORIGIN example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
zero 0 A 192.0.2.2
"""


def test_6_1_2_1_ttl_zero() -> None:
    Server(ZONE).ask("zero.example").gives("NOERROR aa\nANSWER\nzero.example. 0 A 192.0.2.2")


def test_6_1_3_2_the_same_question_over_tcp() -> None:
    server = Server(ZONE + "".join(f"t TXT {'x' * 100}{i}\n" for i in range(9)))
    assert server.ask("t.example", "TXT", tcp=False).head == "NOERROR aa tc"
    assert len(server.ask("t.example", "TXT", tcp=True).section("ANSWER")) == 9
