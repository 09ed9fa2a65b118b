"""RFC 2181 5: an RRset goes out whole, without duplicates (5), with one TTL (5.2); 6.1: who speaks for a cut."""

from tests.helpers.ask import Server

ZONE = """
$ORIGIN example.
$TTL 3600
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
twice A 192.0.2.2
twice A 192.0.2.2
twice A 192.0.2.3
uneven 300 A 192.0.2.4
uneven 60 A 192.0.2.5
sub NS ns.sub
sub NS ns2.sub
ns.sub A 192.0.2.6
"""

CHILD = """
$ORIGIN sub.example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 192.0.2.6
"""


def test_5_duplicates_are_one() -> None:
    Server(ZONE).ask("twice.example").gives("""
        NOERROR aa
        ANSWER
        twice.example. 3600 A 192.0.2.2
        twice.example. 3600 A 192.0.2.3
        """)


def test_5_2_one_ttl() -> None:
    """Which of them, the RFC does not tell a server; never two."""
    ttls = [record[1] for record in Server(ZONE).ask("uneven.example").section("ANSWER")]
    assert len(ttls) == 2
    assert len(set(ttls)) == 1
    assert ttls[0] in {60, 300}


def test_6_1_the_child_speaks_for_its_apex() -> None:
    Server(ZONE, CHILD).ask("sub.example", "NS").gives("""
        NOERROR aa
        ANSWER
        sub.example. 60 NS ns.sub.example.
        ADDITIONAL
        ns.sub.example. 60 A 192.0.2.6
        """)


def test_6_1_the_parent_alone_refers() -> None:
    assert Server(ZONE).ask("sub.example", "NS").head == "NOERROR"
