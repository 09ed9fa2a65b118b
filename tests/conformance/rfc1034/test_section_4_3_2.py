"""RFC 1034 4.3.2, the algorithm: the nearest zone, cuts on the way down, and what is not there."""

import pytest

from tests.helpers.ask import Server

PARENT = """
$ORIGIN example.com.
$TTL 3600
@ SOA ns1 host 1 7200 3600 1209600 600
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
a.b.c.d TXT deep
sub NS ns.sub
sub NS ns1
sub TXT "occluded by the cut"
ns.sub A 192.0.2.2
hidden.sub A 192.0.2.3
far NS ns.elsewhere.org.
kid NS ns.kid
ns.kid A 192.0.2.4
"""

CHILD = """
$ORIGIN kid.example.com.
$TTL 1800
@ SOA ns host 5 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.4
www A 192.0.2.81
"""

SOA = "example.com. 600 SOA ns1.example.com. host.example.com. 1 7200 3600 1209600 600"
REFERRAL = """
    NOERROR
    AUTHORITY
    sub.example.com. 3600 NS ns.sub.example.com.
    sub.example.com. 3600 NS ns1.example.com.
    ADDITIONAL
    ns.sub.example.com. 3600 A 192.0.2.2
    ns1.example.com. 3600 A 192.0.2.1
    """


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(PARENT, CHILD)


def test_step_3a_the_name_matches(server: Server) -> None:
    server.ask("www.example.com", "A").gives("NOERROR aa\nANSWER\nwww.example.com. 3600 A 192.0.2.80")


@pytest.mark.parametrize(
    ("qname", "qtype"),
    [
        ("sub.example.com", "A"),
        ("sub.example.com", "NS"),
        ("sub.example.com", "TXT"),
        ("sub.example.com", "ANY"),
        ("x.sub.example.com", "A"),
        ("x.y.z.sub.example.com", "MX"),
        ("hidden.sub.example.com", "A"),
        ("ns.sub.example.com", "A"),
    ],
)
def test_step_3b_out_of_the_authoritative_data(server: Server, qname: str, qtype: str) -> None:
    """At and below a cut there are only referrals, also for glue that is in the zone."""
    server.ask(qname, qtype).gives(REFERRAL)


def test_step_3b_without_glue(server: Server) -> None:
    server.ask("www.far.example.com").gives("NOERROR\nAUTHORITY\nfar.example.com. 3600 NS ns.elsewhere.org.")


def test_step_3c_the_name_does_not_exist(server: Server) -> None:
    server.ask("nothing.example.com").gives(f"NXDOMAIN aa\nAUTHORITY\n{SOA}")
    server.ask("x.www.example.com").gives(f"NXDOMAIN aa\nAUTHORITY\n{SOA}")


@pytest.mark.parametrize("qname", ["b.c.d.example.com", "c.d.example.com", "d.example.com"])
def test_empty_non_terminal_is_no_name_error(server: Server, qname: str) -> None:
    server.ask(qname, "TXT").gives(f"NOERROR aa\nAUTHORITY\n{SOA}")


def test_step_2_nearest_zone(server: Server) -> None:
    """The cut in the parent does not matter once the child is served here."""
    server.ask("www.kid.example.com").gives("NOERROR aa\nANSWER\nwww.kid.example.com. 1800 A 192.0.2.81")
    server.ask("kid.example.com", "NS").gives("""
        NOERROR aa
        ANSWER
        kid.example.com. 1800 NS ns.kid.example.com.
        ADDITIONAL
        ns.kid.example.com. 1800 A 192.0.2.4
        """)
    server.ask("nothing.kid.example.com").gives("""
        NXDOMAIN aa
        AUTHORITY
        kid.example.com. 60 SOA ns.kid.example.com. host.kid.example.com. 5 7200 3600 1209600 60
        """)


def test_no_zone_of_ours(server: Server) -> None:
    """Neither above nor beside: refused, with nothing said about other servers."""
    for qname in ("com", ".", "example.org", "xexample.com", "om"):
        server.ask(qname).gives("REFUSED")


def test_names_of_every_depth() -> None:
    """Up to 127 labels, of which each is a node of the tree."""
    deep = ".".join("a" * 1 for _ in range(125))
    server = Server(f"$ORIGIN x.\n$TTL 60\n@ SOA . . 1 2 3 4 5\n@ NS .\n{deep} A 192.0.2.1\n")
    server.ask(f"{deep}.x").gives(f"NOERROR aa\nANSWER\n{deep}.x. 60 A 192.0.2.1")
    server.ask("a.a.a.x").gives("NOERROR aa\nAUTHORITY\nx. 5 SOA . . 1 2 3 4 5")
    server.ask(f"b.{deep[:-2]}.x").gives("NXDOMAIN aa\nAUTHORITY\nx. 5 SOA . . 1 2 3 4 5")
