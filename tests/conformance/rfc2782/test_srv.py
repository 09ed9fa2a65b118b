"""RFC 2782: SRV records under their underscored names, with the addresses of their targets."""

import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN example.com.
$TTL 60
@ SOA server root 1995032001 3600 3600 604800 86400
@ NS server
_foobar._tcp SRV 0 1 9 old-slow-box
_foobar._tcp SRV 0 3 9 new-fast-box
_foobar._tcp SRV 1 0 9 sysadmins-box
_foobar._tcp SRV 1 0 9 server
server A 172.30.79.10
old-slow-box A 172.30.79.11
sysadmins-box A 172.30.79.12
new-fast-box A 172.30.79.13
*._tcp SRV 0 0 0 .
*._udp SRV 0 0 0 .
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


def test_the_example_of_the_rfc(server: Server) -> None:
    server.ask("_foobar._tcp.example.com", "SRV").gives("""
        NOERROR aa
        ANSWER
        _foobar._tcp.example.com. 60 SRV 0 1 9 old-slow-box.example.com.
        _foobar._tcp.example.com. 60 SRV 0 3 9 new-fast-box.example.com.
        _foobar._tcp.example.com. 60 SRV 1 0 9 server.example.com.
        _foobar._tcp.example.com. 60 SRV 1 0 9 sysadmins-box.example.com.
        ADDITIONAL
        old-slow-box.example.com. 60 A 172.30.79.11
        new-fast-box.example.com. 60 A 172.30.79.13
        server.example.com. 60 A 172.30.79.10
        sysadmins-box.example.com. 60 A 172.30.79.12
        """)


def test_no_other_service_is_supported(server: Server) -> None:
    """Target "." says that the service is decidedly not available; nothing is added for it."""
    server.ask("_gopher._tcp.example.com", "SRV").gives("NOERROR aa\nANSWER\n_gopher._tcp.example.com. 60 SRV 0 0 0 .")


def test_target_is_not_compressed(server: Server) -> None:
    """The target stands in full: RFC 2782 forbids to compress it."""
    wire = server.ask("_foobar._tcp.example.com", "SRV", tcp=True).wire
    assert wire.count(b"\x0cold-slow-box\x07example\x03com\x00") == 1
