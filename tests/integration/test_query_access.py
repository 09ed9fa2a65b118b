"""Who may ask about a zone: its own rule, the server's, keys; and SOA queries with EXPIRE (RFC 7314). A real server over UDP and TCP."""

import contextlib
from collections.abc import Iterator
from typing import Any

import dns.edns
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import pytest

from nsblast.control import Client
from tests.helpers.api import Api, api

FRIEND, STRANGER = "127.0.0.1", "127.0.9.9"
EXPIRE, EDE_PROHIBITED = 9, 18
ZONES = {
    "open.test": "www A 192.0.2.1\nto CNAME www.closed.test.\nmx MX 5 www.closed.test.",
    "closed.test": "www A 192.0.2.2\nin CNAME www\nout CNAME www.open.test.\n*.w TXT wild",
    "other.test": "www A 192.0.2.3",
    "sub.open.test": "www A 192.0.2.4",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("query"), workers=2) as made, made.client() as client:
        for zone, records in ZONES.items():
            text = (
                f"$ORIGIN {zone}.\n$TTL 60\n@ SOA ns1 host 7 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.9\n{records}\n"
            )
            client.put(f"/zone/{zone}", content=text, headers={"content-type": "text/dns"}).raise_for_status()
        set_rule(made, "closed.test", [FRIEND])
        yield made


def set_rule(server: Api, zone: str, rule: list[str] | None) -> None:
    with server.client() as client:
        if rule is None:
            client.delete(f"/config/{zone}/access").raise_for_status()
        else:
            client.put(f"/config/{zone}/access", json={"access": {"query": rule}}).raise_for_status()


@contextlib.contextmanager
def default_rule(server: Api, rule: list[str]) -> Iterator[None]:
    with Client(server.db_path, 10) as control:
        control.call("set", changes={"allow_query": rule})
        try:
            yield
        finally:
            control.call("set", changes={"allow_query": ["any"]})


def ask(
    server: Api, name: str, rdtype: str = "A", source: str = STRANGER, *, tcp: bool = False, **more: Any
) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype, **more)
    return send(server, query, source, tcp=tcp)


def send(server: Api, query: dns.message.Message, source: str, *, tcp: bool = False) -> dns.message.Message:
    how = dns.query.tcp if tcp else dns.query.udp
    return how(query, server.address, 5, server.port, source=source)


def rcode(server: Api, name: str, rdtype: str = "A", source: str = STRANGER, *, tcp: bool = False) -> str:
    return dns.rcode.to_text(ask(server, name, rdtype, source, tcp=tcp).rcode())


@pytest.mark.parametrize("tcp", [False, True])
def test_a_zones_rule(server: Api, tcp: bool) -> None:
    for name, rdtype in (
        ("www.closed.test", "A"),
        ("closed.test", "SOA"),
        ("no.closed.test", "A"),
        ("x.w.closed.test", "TXT"),
    ):
        assert rcode(server, name, rdtype, tcp=tcp) == "REFUSED"
    assert rcode(server, "www.closed.test", source=FRIEND, tcp=tcp) == "NOERROR"
    assert rcode(server, "no.closed.test", source=FRIEND, tcp=tcp) == "NXDOMAIN"
    assert rcode(server, "www.open.test", tcp=tcp) == "NOERROR"
    assert len(ask(server, "x.w.closed.test", "TXT", FRIEND, tcp=tcp).answer) == 1


def test_a_refusal_says_why_to_those_with_edns(server: Api) -> None:
    """RFC 8914 4.19."""
    answer = ask(server, "www.closed.test", use_edns=0)
    assert [int(option.code) for option in answer.options if isinstance(option, dns.edns.EDEOption)] == [EDE_PROHIBITED]
    assert answer.answer == answer.authority == []
    assert ask(server, "www.closed.test", use_edns=False).edns == -1


def test_a_chain_ends_before_a_zone_that_is_not_open(server: Api) -> None:
    answer = ask(server, "to.open.test")
    assert answer.rcode() == dns.rcode.NOERROR
    assert [rrset.to_text() for rrset in answer.answer] == ["to.open.test. 60 IN CNAME www.closed.test."]
    inside = ask(server, "in.closed.test", source=FRIEND)
    assert [rrset.rdtype.name for rrset in inside.answer] == ["CNAME", "A"]
    out = ask(server, "out.closed.test", source=FRIEND)
    assert [rrset.rdtype.name for rrset in out.answer] == ["CNAME", "A"]


def test_a_change_counts_on_the_next_query_and_raises_no_serial(server: Api) -> None:
    for _ in range(5):
        set_rule(server, "other.test", ["none"])
        assert rcode(server, "www.other.test") == "REFUSED"
        set_rule(server, "other.test", None)
        assert rcode(server, "www.other.test") == "NOERROR"
    assert ask(server, "other.test", "SOA").answer[0][0].serial == 7


def test_contents_change_under_a_rule_and_keep_it(server: Api) -> None:
    with server.client() as client:
        soa = ask(server, "closed.test", "SOA", FRIEND).answer[0][0].serial
        client.put("/rr/new.closed.test", json={"ttl": 60, "a": ["192.0.2.44"]}).raise_for_status()
        entry = client.get("/rr/closed.test").json()["value"]
        client.patch("/rr/closed.test", json={"ttl": 60, "ns": entry["ns"]}).raise_for_status()  # the apex as it is
        assert ask(server, "closed.test", "SOA", FRIEND).answer[0][0].serial == soa + 1
        lines = "".join(f"n{number} A 192.0.2.5\n" for number in range(6000))
        text = f"$ORIGIN closed.test.\n$TTL 60\n@ SOA ns1 host 7 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.9\n{ZONES['closed.test']}\n"
        for contents in (text, text, text + lines, text):  # few, none, and many differences
            client.put("/zone/closed.test", content=contents, headers={"content-type": "text/dns"}).raise_for_status()
            assert rcode(server, "www.closed.test") == "REFUSED"
            assert rcode(server, "www.closed.test", source=FRIEND) == "NOERROR"
    assert ask(server, "closed.test", "SOA", FRIEND).answer[0][0].serial == soa + 4


def test_keys(server: Api) -> None:
    with server.client() as client:
        given = (
            client.post("/tsigkey", json={"name": "q.test", "algorithm": "hmac-sha256"})
            .raise_for_status()
            .json()["value"]
        )
    key = dns.tsig.Key("q.test.", given["secret"], "hmac-sha256")

    def signed(name: str) -> str:
        query = dns.message.make_query(name, "A")
        query.use_tsig(key)
        return dns.rcode.to_text(send(server, query, STRANGER).rcode())

    assert signed("www.closed.test") == "REFUSED"
    set_rule(server, "closed.test", [FRIEND, "key:q.test"])
    assert signed("www.closed.test") == "NOERROR"
    assert rcode(server, "www.closed.test") == "REFUSED"
    with default_rule(server, ["key:q.test"]):
        assert signed("www.open.test") == "NOERROR"
        assert rcode(server, "www.open.test") == "REFUSED"


def test_the_servers_rule_and_zones_that_say_otherwise(server: Api) -> None:
    set_rule(server, "other.test", ["any"])
    with default_rule(server, ["127.0.0.0/24"]):
        for tcp in (False, True):
            assert rcode(server, "www.open.test", tcp=tcp) == "REFUSED"
            assert rcode(server, "www.open.test", source=FRIEND, tcp=tcp) == "NOERROR"
            assert rcode(server, "www.other.test", tcp=tcp) == "NOERROR"
            assert rcode(server, "no.zone.here", tcp=tcp) == "REFUSED"
    set_rule(server, "other.test", None)
    assert rcode(server, "www.open.test") == "NOERROR"


def test_ds_at_a_cut_is_the_parents(server: Api) -> None:
    set_rule(server, "sub.open.test", ["none"])
    assert rcode(server, "www.sub.open.test") == "REFUSED"
    assert rcode(server, "www.open.test") == "NOERROR"
    set_rule(server, "sub.open.test", None)


def test_the_command(server: Api) -> None:
    server.command("zone", "access", "other.test", "--query", "192.0.2.0/24, key:q.test")
    assert rcode(server, "www.other.test") == "REFUSED"
    assert "query: as in the settings" in server.command("zone", "access", "other.test", "--default").stdout
    assert rcode(server, "www.other.test") == "NOERROR"


@pytest.mark.parametrize("tcp", [False, True])
def test_rfc7314_3_2_expire_on_soa_queries(server: Api, tcp: bool) -> None:
    def told(name: str, rdtype: str, source: str = FRIEND) -> list[bytes]:
        answer = ask(server, name, rdtype, source, tcp=tcp, use_edns=0, options=[dns.edns.GenericOption(EXPIRE, b"")])
        return [option.to_wire() or b"" for option in answer.options if option.otype == EXPIRE]

    assert told("open.test", "SOA") == [(86400).to_bytes(4, "big")]
    assert told("closed.test", "SOA") == [(86400).to_bytes(4, "big")]
    assert told("closed.test", "SOA", STRANGER) == []
    assert told("www.open.test", "SOA") == told("open.test", "NS") == told("no.zone.here", "SOA") == []
