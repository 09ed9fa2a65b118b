"""RFC 9471 2 and 3: a referral has all in-domain glue, or TC; sibling glue where there is room (2.3)."""

import pytest

from tests.helpers.ask import Server

HEAD = "$ORIGIN example.\n$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
LONG = "a-name-server-whose-name-is-rather-long-so-it-needs-space"


def in_domain(count: int) -> str:
    return HEAD + "".join(
        f"foo NS ns{i:02}.{LONG}{i:02}.foo\nns{i:02}.{LONG}{i:02}.foo AAAA 2001:db8::{i:x}\n" for i in range(count)
    )


def sibling(count: int) -> str:
    return (
        HEAD
        + "".join(
            f"foo NS ns{i:02}.bar\nns{i:02}.bar AAAA 2001:db8::{i:x}\nns{i:02}.bar A 192.0.2.{i}\n"
            for i in range(count)
        )
        + "bar NS ns00.bar\n"
    )


@pytest.mark.parametrize(("count", "fits"), [(2, True), (4, True), (5, False), (12, False)])
def test_3_in_domain_glue_or_tc(count: int, fits: bool) -> None:
    server = Server(in_domain(count))
    answer = server.ask("www.foo.example", tcp=False)
    assert ("TC" not in answer.flags) == fits
    if fits:
        assert len(answer.section("ADDITIONAL")) == count
    whole = server.ask("www.foo.example", tcp=True)
    assert "TC" not in whole.flags
    assert len(whole.section("ADDITIONAL")) == count


def test_2_3_sibling_glue_gives_way() -> None:
    """Helpful, not necessary: what has no room is left out without TC."""
    server = Server(sibling(13))
    answer = server.ask("www.foo.example", tcp=False)
    assert "TC" not in answer.flags
    assert len(answer.section("AUTHORITY")) == 13
    assert 0 < len(answer.section("ADDITIONAL")) < 26
    assert len(server.ask("www.foo.example", tcp=True).section("ADDITIONAL")) == 26


def test_2_2_in_domain_and_sibling_together() -> None:
    zone = HEAD + "foo NS ns.foo\nfoo NS ns.bar\nns.foo A 192.0.2.2\nns.bar A 192.0.2.3\nbar NS ns.bar\n"
    Server(zone).ask("foo.example").gives("""
        NOERROR
        AUTHORITY
        foo.example. 60 NS ns.foo.example.
        foo.example. 60 NS ns.bar.example.
        ADDITIONAL
        ns.foo.example. 60 A 192.0.2.2
        ns.bar.example. 60 A 192.0.2.3
        """)
