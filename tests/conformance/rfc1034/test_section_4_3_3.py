"""RFC 1034 4.3.3: the wildcard example of X.COM, whose mail goes through A.X.COM."""

import pytest

from tests.helpers.ask import Server

ZONE = """
$ORIGIN X.COM.
$TTL 300
@ SOA A host 1 7200 3600 1209600 30
@ NS A
X.COM. MX 10 A.X.COM.
*.X.COM. MX 10 A.X.COM.
A.X.COM. A 10.0.0.1
A.X.COM. MX 10 A.X.COM.
*.A.X.COM. MX 10 A.X.COM.
"""


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(ZONE)


@pytest.mark.parametrize("qname", ["B.X.COM.", "deep.down.X.COM.", "z.a.X.COM.", "X.COM.", "y.z.a.x.com."])
def test_mail_of_every_name(server: Server, qname: str) -> None:
    answer = server.ask(qname, "MX")
    assert [record[1:] for record in answer.section("ANSWER")] == [(300, "MX", "10 A.X.COM.")]


def test_owner_of_a_synthesised_record_is_the_name_asked(server: Server) -> None:
    server.ask("b.x.com", "MX").gives("""
        NOERROR aa
        ANSWER
        b.x.com. 300 MX 10 A.X.COM.
        ADDITIONAL
        A.X.COM. 300 A 10.0.0.1
        """)


def test_wildcard_does_not_apply_to_a_name_that_exists(server: Server) -> None:
    server.ask("A.X.COM", "TXT").gives("""
        NOERROR aa
        AUTHORITY
        X.COM. 30 SOA A.X.COM. host.X.COM. 1 7200 3600 1209600 30
        """)


def test_the_wildcard_itself_can_be_asked_for(server: Server) -> None:
    server.ask("*.X.COM", "MX").gives("""
        NOERROR aa
        ANSWER
        *.X.COM. 300 MX 10 A.X.COM.
        ADDITIONAL
        A.X.COM. 300 A 10.0.0.1
        """)
