"""RFC 1034 3.6.2: aliases are followed, save when the alias itself is asked for."""

import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN example.org.
$TTL 600
@ SOA ns host 7 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.53
one CNAME two
two CNAME three
three A 192.0.2.3
three AAAA 2001:db8::3
loop1 CNAME loop2
loop2 CNAME loop1
self CNAME self
away CNAME www.elsewhere.net.
over CNAME www.example.net.
dangling CNAME nothing
below CNAME host.child
child NS ns.child
ns.child A 192.0.2.54
"""

OTHER = """
$ORIGIN example.net.
$TTL 60
@ SOA ns host 9 7200 3600 1209600 30
@ NS ns
ns A 198.51.100.53
www A 198.51.100.1
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE, OTHER)


def test_chain_is_followed_to_its_end(server: Server) -> None:
    server.ask("one.example.org", "A").gives("""
        NOERROR aa
        ANSWER
        one.example.org. 600 CNAME two.example.org.
        two.example.org. 600 CNAME three.example.org.
        three.example.org. 600 A 192.0.2.3
        """)


def test_type_cname_is_not_followed(server: Server) -> None:
    server.ask("one.example.org", "CNAME").gives("NOERROR aa\nANSWER\none.example.org. 600 CNAME two.example.org.")


def test_any_is_not_followed(server: Server) -> None:
    server.ask("one.example.org", "ANY").gives("NOERROR aa\nANSWER\none.example.org. 600 CNAME two.example.org.")


def test_end_without_the_type(server: Server) -> None:
    server.ask("two.example.org", "TXT").gives("""
        NOERROR aa
        ANSWER
        two.example.org. 600 CNAME three.example.org.
        AUTHORITY
        example.org. 300 SOA ns.example.org. host.example.org. 7 7200 3600 1209600 300
        """)


def test_loop_ends(server: Server) -> None:
    server.ask("loop1.example.org", "A").gives("""
        NOERROR aa
        ANSWER
        loop1.example.org. 600 CNAME loop2.example.org.
        loop2.example.org. 600 CNAME loop1.example.org.
        """)
    server.ask("self.example.org", "A").gives("NOERROR aa\nANSWER\nself.example.org. 600 CNAME self.example.org.")


def test_target_of_no_zone_here(server: Server) -> None:
    server.ask("away.example.org", "A").gives("NOERROR aa\nANSWER\naway.example.org. 600 CNAME www.elsewhere.net.")


def test_target_in_another_zone_here(server: Server) -> None:
    server.ask("over.example.org", "A").gives("""
        NOERROR aa
        ANSWER
        over.example.org. 600 CNAME www.example.net.
        www.example.net. 60 A 198.51.100.1
        """)


def test_dangling_alias_is_a_name_error(server: Server) -> None:
    server.ask("dangling.example.org", "A").gives("""
        NXDOMAIN aa
        ANSWER
        dangling.example.org. 600 CNAME nothing.example.org.
        AUTHORITY
        example.org. 300 SOA ns.example.org. host.example.org. 7 7200 3600 1209600 300
        """)


def test_alias_of_a_name_below_a_cut(server: Server) -> None:
    server.ask("below.example.org", "A").gives("""
        NOERROR aa
        ANSWER
        below.example.org. 600 CNAME host.child.example.org.
        AUTHORITY
        child.example.org. 600 NS ns.child.example.org.
        ADDITIONAL
        ns.child.example.org. 600 A 192.0.2.54
        """)


def test_very_long_chain_stops() -> None:
    """Longer than any sensible one: the answer ends early and says nothing wrong."""
    links = "\n".join(f"c{i} CNAME c{i + 1}" for i in range(100))
    answer = Server(ZONE + links + "\nc100 A 192.0.2.9\n").ask("c0.example.org", "A", tcp=True)
    owners = [record[0] for record in answer.section("ANSWER")]
    assert owners == [f"c{i}.example.org." for i in range(len(owners))]
    assert answer.rcode == "NOERROR"
    assert 8 <= len(owners) <= 100
