"""RFC 1035 3.3: each of its record types comes out as it went in, with the additional data that 3.3.9 and 3.3.11 ask for."""

import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN types.example.
$TTL 60
@ SOA ns admin 2024010101 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
ns AAAA 2001:db8::1
a A 192.0.2.7
cname CNAME a
hinfo HINFO "PDP-11/70" "UNIX"
mb TYPE7 \\# 4 026e7300
mg TYPE8 \\# 4 026e7300
minfo TYPE14 \\# 8 026e7300026e7300
mr TYPE9 \\# 4 026e7300
mx MX 10 ns
mx MX 20 mail.elsewhere.
null TYPE10 \\# 4 00ff0001
ptr PTR a
txt TXT "one" "two words" "quote \\" back \\\\ octet \\200"
txt2 TXT ""
"""

ANSWERS = {
    "a.types.example A": "192.0.2.7",
    "cname.types.example CNAME": "a.types.example",
    "hinfo.types.example HINFO": '"PDP-11/70" "UNIX"',
    "ptr.types.example PTR": "a.types.example.",
    "txt.types.example TXT": r'"one" "two words" "quote \" back \\ octet \200"',
    "txt2.types.example TXT": '""',
    "types.example SOA": "ns.types.example. admin.types.example. 2024010101 7200 3600 1209600 300",
}


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


@pytest.mark.parametrize("question", ANSWERS)
def test_rdata_comes_back(server: Server, question: str) -> None:
    qname, qtype = question.split()
    server.ask(qname, qtype).gives(f"NOERROR aa\nANSWER\n{qname} 60 {qtype} {ANSWERS[question]}")


@pytest.mark.parametrize(("qtype", "number"), [("mb", 7), ("mg", 8), ("minfo", 14), ("mr", 9), ("null", 10)])
def test_experimental_and_obsolete_types_are_served(server: Server, qtype: str, number: int) -> None:
    answer = server.ask(f"{qtype}.types.example", f"TYPE{number}")
    assert answer.head == "NOERROR aa"
    assert [record[0] for record in answer.section("ANSWER")] == [f"{qtype}.types.example."]


def test_mx_brings_addresses_of_hosts_in_the_zone(server: Server) -> None:
    server.ask("mx.types.example", "MX").gives("""
        NOERROR aa
        ANSWER
        mx.types.example. 60 MX 10 ns.types.example.
        mx.types.example. 60 MX 20 mail.elsewhere.
        ADDITIONAL
        ns.types.example. 60 A 192.0.2.1
        ns.types.example. 60 AAAA 2001:db8::1
        """)


def test_ns_brings_addresses(server: Server) -> None:
    server.ask("types.example", "NS").gives("""
        NOERROR aa
        ANSWER
        types.example. 60 NS ns.types.example.
        ADDITIONAL
        ns.types.example. 60 A 192.0.2.1
        ns.types.example. 60 AAAA 2001:db8::1
        """)
