"""RFC 2308 2: name error (2.1) and no data (2.2) carry the SOA in the authority section, also behind aliases."""

import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN xx.example.
$TTL 3600
@ SOA ns1 hostmaster 1997102000 10800 3600 604800 900
@ NS ns1
ns1 A 127.0.0.2
an CNAME triple
there A 192.0.2.1
nodata CNAME there
"""
SOA = "xx.example. 900 SOA ns1.xx.example. hostmaster.xx.example. 1997102000 10800 3600 604800 900"


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


def test_2_1_name_error(server: Server) -> None:
    server.ask("triple.xx.example").gives(f"NXDOMAIN aa\nAUTHORITY\n{SOA}")


def test_2_1_name_error_behind_an_alias(server: Server) -> None:
    server.ask("an.xx.example").gives(
        f"NXDOMAIN aa\nANSWER\nan.xx.example. 3600 CNAME triple.xx.example.\nAUTHORITY\n{SOA}"
    )


def test_2_2_no_data(server: Server) -> None:
    server.ask("there.xx.example", "MX").gives(f"NOERROR aa\nAUTHORITY\n{SOA}")
    server.ask("xx.example", "A").gives(f"NOERROR aa\nAUTHORITY\n{SOA}")


def test_2_2_no_data_behind_an_alias(server: Server) -> None:
    server.ask("nodata.xx.example", "MX").gives(
        f"NOERROR aa\nANSWER\nnodata.xx.example. 3600 CNAME there.xx.example.\nAUTHORITY\n{SOA}"
    )
