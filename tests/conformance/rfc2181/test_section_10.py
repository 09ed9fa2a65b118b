"""RFC 2181 10: names of aliases (10.1), several PTR records (10.2), MX and NS to aliases (10.3)."""

from tests.helpers.ask import Server

ZONE = """
$ORIGIN example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
@ MX 10 alias
ns A 192.0.2.1
alias CNAME ns
1.2.0.192.in-addr PTR one
1.2.0.192.in-addr PTR two
"""


def test_10_2_several_ptr_records_are_all_given() -> None:
    Server(ZONE).ask("1.2.0.192.in-addr.example", "PTR").gives("""
        NOERROR aa
        ANSWER
        1.2.0.192.in-addr.example. 60 PTR one.example.
        1.2.0.192.in-addr.example. 60 PTR two.example.
        """)


def test_10_3_no_addresses_are_given_for_an_alias() -> None:
    """An MX that leads to an alias is a fault of the zone: the server adds nothing it would have to invent."""
    Server(ZONE).ask("example", "MX").gives("NOERROR aa\nANSWER\nexample. 60 MX 10 alias.example.")
