"""RFC 6672: DNAME substitutes names below its owner (2.2), may stand at an apex (2.3), and is answered as in 3.2."""

import dns.name
import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN frobozz.example.
$TTL 3600
@ SOA ns host 1 2 3 4 300
@ NS ns
ns A 192.0.2.1
old DNAME new
old TXT "beside"
new TXT "the new"
www.new A 192.0.2.80
gue DNAME zork.example.
lost.gue A 192.0.2.99
self DNAME x.self
chain1 DNAME chain2
chain2 DNAME new
circle1 DNAME circle2
circle2 DNAME circle1
long DNAME LLL.LLL.LLL
""".replace("LLL", "a" * 60)

OTHER = """
$ORIGIN zork.example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 198.51.100.1
www A 198.51.100.80
"""

APEX = """
$ORIGIN renamed.example.
$TTL 60
@ SOA ns.frobozz.example. host 1 2 3 4 5
@ NS ns.frobozz.example.
@ DNAME frobozz.example.
@ MX 10 ns.frobozz.example.
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE, OTHER, APEX)


def test_2_2_substitution(server: Server) -> None:
    server.ask("www.old.frobozz.example").gives("""
        NOERROR aa
        ANSWER
        old.frobozz.example. 3600 DNAME new.frobozz.example.
        www.old.frobozz.example. 3600 CNAME www.new.frobozz.example.
        www.new.frobozz.example. 3600 A 192.0.2.80
        """)


def test_2_2_owner_itself_is_not_redirected(server: Server) -> None:
    server.ask("old.frobozz.example", "TXT").gives('NOERROR aa\nANSWER\nold.frobozz.example. 3600 TXT "beside"')
    server.ask("old.frobozz.example", "DNAME").gives(
        "NOERROR aa\nANSWER\nold.frobozz.example. 3600 DNAME new.frobozz.example."
    )
    assert server.ask("old.frobozz.example", "A").section("ANSWER") == []


def test_2_2_names_that_grow_too_long(server: Server) -> None:
    """YXDOMAIN, with the DNAME that was the reason."""
    prefix = dns.name.from_text(f"{'b' * 60}.long.frobozz.example")
    answer = server.ask(prefix)
    assert answer.head == "YXDOMAIN aa"
    assert [record[2] for record in answer.section("ANSWER")] == ["DNAME"]
    short = server.ask("b.long.frobozz.example")
    assert short.rcode == "NXDOMAIN"
    assert [record[2] for record in short.section("ANSWER")] == ["DNAME", "CNAME"]


def test_2_3_at_an_apex(server: Server) -> None:
    server.ask("ns.renamed.example").gives("""
        NOERROR aa
        ANSWER
        renamed.example. 60 DNAME frobozz.example.
        ns.renamed.example. 60 CNAME ns.frobozz.example.
        ns.frobozz.example. 3600 A 192.0.2.1
        """)
    assert server.ask("renamed.example", "SOA").section("ANSWER")[0][2] == "SOA"
    assert server.ask("renamed.example", "MX").section("ANSWER")[0][2] == "MX"


def test_2_4_names_below_are_occluded(server: Server) -> None:
    """lost.gue is in the zone, below a DNAME: nobody sees it."""
    server.ask("lost.gue.frobozz.example").gives("""
        NXDOMAIN aa
        ANSWER
        gue.frobozz.example. 3600 DNAME zork.example.
        lost.gue.frobozz.example. 3600 CNAME lost.zork.example.
        AUTHORITY
        zork.example. 5 SOA ns.zork.example. host.zork.example. 1 2 3 4 5
        """)


def test_3_1_ttl_of_the_alias_is_that_of_the_dname(server: Server) -> None:
    server.ask("www.gue.frobozz.example").gives("""
        NOERROR aa
        ANSWER
        gue.frobozz.example. 3600 DNAME zork.example.
        www.gue.frobozz.example. 3600 CNAME www.zork.example.
        www.zork.example. 60 A 198.51.100.80
        """)


def test_3_2_chains_of_dnames(server: Server) -> None:
    server.ask("www.chain1.frobozz.example").gives("""
        NOERROR aa
        ANSWER
        chain1.frobozz.example. 3600 DNAME chain2.frobozz.example.
        www.chain1.frobozz.example. 3600 CNAME www.chain2.frobozz.example.
        chain2.frobozz.example. 3600 DNAME new.frobozz.example.
        www.chain2.frobozz.example. 3600 CNAME www.new.frobozz.example.
        www.new.frobozz.example. 3600 A 192.0.2.80
        """)


def test_3_2_loops_end(server: Server) -> None:
    answer = server.ask("x.circle1.frobozz.example", tcp=True)
    assert answer.rcode == "NOERROR"
    assert [record[2] for record in answer.section("ANSWER")] == ["DNAME", "CNAME", "DNAME", "CNAME"]


def test_3_2_names_that_grow_for_ever_end(server: Server) -> None:
    """The DNAME stands there once however often it is used, and every name can be read by those who follow 16 pointers."""
    growing = server.ask("x.self.frobozz.example", tcp=True)
    assert growing.head == "NOERROR aa"
    kinds = [record[2] for record in growing.section("ANSWER")]
    assert kinds.count("DNAME") == 1
    assert kinds.count("CNAME") == len(kinds) - 1
    assert len(set(growing.section("ANSWER"))) == len(kinds)


def test_3_2_asked_for_the_alias(server: Server) -> None:
    """The CNAME that is made is the answer."""
    server.ask("www.old.frobozz.example", "CNAME").gives("""
        NOERROR aa
        ANSWER
        old.frobozz.example. 3600 DNAME new.frobozz.example.
        www.old.frobozz.example. 3600 CNAME www.new.frobozz.example.
        """)


def test_3_2_asked_for_anything(server: Server) -> None:
    """ANY goes on at the new name, step 3C."""
    assert [record[2] for record in server.ask("www.old.frobozz.example", "ANY").section("ANSWER")] == [
        "DNAME",
        "CNAME",
        "A",
    ]


def test_spelling_of_the_prefix_is_kept(server: Server) -> None:
    answer = server.ask("WwW.OLD.frobozz.example")
    assert answer.section("ANSWER")[1] == ("WwW.OLD.frobozz.example.", 3600, "CNAME", "WwW.new.frobozz.example.")
