"""RFC 1035 4.2: 512 octets over UDP without EDNS, 65535 over TCP; TC between them."""

import pytest

from tests.helpers.ask import Server
from tests.helpers.tables import Tables

ZONE = """
$ORIGIN big.example.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
"""


def records(count: int) -> str:
    return ZONE + "".join(f"many A 198.51.{i // 256}.{i % 256}\n" for i in range(count))


def test_what_fits_is_whole() -> None:
    """12 of header, 22 of question, 16 an address: 29 addresses make 498 octets."""
    answer = Server(records(29)).ask("many.big.example")
    assert len(answer.section("ANSWER")) == 29
    assert "TC" not in answer.flags


def test_what_does_not_fit_sets_tc() -> None:
    server = Server(records(31))
    answer = server.ask("many.big.example", tcp=False)
    assert "TC" in answer.flags
    assert len(answer.wire) <= 512
    whole = server.ask("many.big.example", tcp=True)
    assert "TC" not in whole.flags
    assert len(whole.section("ANSWER")) == 31


def test_no_half_rrset_is_sent() -> None:
    """RFC 2181 5 and 9: an RRset is whole or not there."""
    assert Server(records(200)).ask("many.big.example", tcp=False).section("ANSWER") == []


def test_a_message_of_nearly_65535_octets_goes_over_tcp() -> None:
    server = Server(records(4070))
    answer = server.ask("many.big.example", tcp=True)
    assert len(answer.section("ANSWER")) == 4070
    assert 65100 < len(answer.wire) <= 65535


def test_an_rrset_beyond_tcp_is_not_sent_in_part() -> None:
    """No zone file brings one in; were it in the store all the same, nothing of it would be sent."""
    if Server.source is not Tables:
        with pytest.raises(AssertionError, match="which fits into a message"):
            Server(records(4200))
        return
    answer = Server(records(4200)).ask("many.big.example", tcp=True)
    assert answer.section("ANSWER") == []
    assert answer.rcode == "SERVFAIL" or "TC" in answer.flags


@pytest.mark.parametrize("size", [512, 700, 1000, 1232])
def test_size_of_the_client_is_kept(size: int) -> None:
    """With EDNS the client says how much it takes: RFC 6891 6.2.3."""
    server = Server(records(200))
    answer = server.ask("many.big.example", edns=0, size=size, tcp=False)
    assert "TC" in answer.flags
    assert len(answer.wire) <= size
