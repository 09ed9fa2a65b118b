"""RFC 4701 3: DHCID records are opaque octets; the RFC's own example."""

from tests.helpers.ask import Server

RDATA = "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="
ZONE = f"$ORIGIN example.com.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nchi6 AAAA 2001:db8::1234:5678\nchi6 DHCID {RDATA}\n"


def test_example_of_3_6_1() -> None:
    Server(ZONE).ask("chi6.example.com", "DHCID").gives(f"NOERROR aa\nANSWER\nchi6.example.com. 60 DHCID {RDATA}")
