"""RFC 9460: SVCB and HTTPS are served as they are; their targets' addresses (and, for aliases, records) go along (4.1)."""

import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN example.com.
$TTL 7200
@ SOA ns host 1 2 3 4 300
@ NS ns
ns A 192.0.2.53
@ HTTPS 0 svc
svc HTTPS 1 . alpn=h2,h3 port=8443
svc HTTPS 2 backup
svc A 192.0.2.2
svc AAAA 2001:db8::2
backup A 192.0.2.3
_8443._foo.api SVCB 0 svc4
svc4 SVCB 3 svc4 alpn="bar" port="8004"
svc4 A 192.0.2.4
off HTTPS 0 .
away HTTPS 1 cdn.elsewhere. ipv4hint=192.0.2.9
unknown SVCB 1 svc key667=hello
*.wild HTTPS 1 . alpn=h2
*.wild A 192.0.2.8
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


def test_4_1_service_mode_brings_addresses(server: Server) -> None:
    """Target "." (2.5.2) is the owner itself."""
    server.ask("svc.example.com", "HTTPS").gives("""
        NOERROR aa
        ANSWER
        svc.example.com. 7200 HTTPS 1 . alpn="h2,h3" port="8443"
        svc.example.com. 7200 HTTPS 2 backup.example.com.
        ADDITIONAL
        svc.example.com. 7200 A 192.0.2.2
        svc.example.com. 7200 AAAA 2001:db8::2
        backup.example.com. 7200 A 192.0.2.3
        """)


def test_4_1_alias_mode_brings_the_records_of_its_target(server: Server) -> None:
    server.ask("example.com", "HTTPS").gives("""
        NOERROR aa
        ANSWER
        example.com. 7200 HTTPS 0 svc.example.com.
        ADDITIONAL
        svc.example.com. 7200 HTTPS 1 . alpn="h2,h3" port="8443"
        svc.example.com. 7200 HTTPS 2 backup.example.com.
        svc.example.com. 7200 A 192.0.2.2
        svc.example.com. 7200 AAAA 2001:db8::2
        """)


def test_4_1_alias_mode_of_svcb(server: Server) -> None:
    server.ask("_8443._foo.api.example.com", "SVCB").gives("""
        NOERROR aa
        ANSWER
        _8443._foo.api.example.com. 7200 SVCB 0 svc4.example.com.
        ADDITIONAL
        svc4.example.com. 7200 SVCB 3 svc4.example.com. alpn="bar" port="8004"
        svc4.example.com. 7200 A 192.0.2.4
        """)


def test_2_5_1_service_that_does_not_exist(server: Server) -> None:
    server.ask("off.example.com", "HTTPS").gives("NOERROR aa\nANSWER\noff.example.com. 7200 HTTPS 0 .")


def test_target_of_another_zone(server: Server) -> None:
    server.ask("away.example.com", "HTTPS").gives(
        'NOERROR aa\nANSWER\naway.example.com. 7200 HTTPS 1 cdn.elsewhere. ipv4hint="192.0.2.9"'
    )


def test_2_1_unknown_keys_are_transparent(server: Server) -> None:
    record = server.ask("unknown.example.com", "SVCB").section("ANSWER")[0]
    assert record[3] == '1 svc.example.com. key667="hello"'


def test_2_5_2_target_of_a_synthesised_record(server: Server) -> None:
    """Target "." of a wildcard's record is the name asked; additional data are not made from wildcards."""
    server.ask("a.wild.example.com", "HTTPS").gives('NOERROR aa\nANSWER\na.wild.example.com. 7200 HTTPS 1 . alpn="h2"')


def test_2_2_target_is_not_compressed(server: Server) -> None:
    assert server.ask("unknown.example.com", "SVCB").wire.count(b"\x03svc\x07example\x03com\x00") >= 1
