"""RFC 7314 3, and RFC 7828 3.3.2 with it: what the first message of a transfer tells besides, when it is asked for."""

import time
from collections.abc import Iterator

import dns.edns
import dns.message
import pytest

from nsblast.records import name_from_text
from nsblast.store.values_v1 import ZoneKind
from nsblast.transfer import secondary_state
from nsblast.transfer.secondary_state import Refreshed
from tests.helpers.giving import Giving, giving
from tests.helpers.transfers import question
from tests.helpers.updating import ZONE

EXPIRE, KEEPALIVE, COOKIE = 9, 11, 10


@pytest.fixture(scope="module")
def place() -> Iterator[Giving]:
    with giving(tcp_idle_timeout=12.5) as made:
        made.zone("sec.test.", ZONE.replace("example.", "sec.test."), kind=ZoneKind.SECONDARY)
        yield made


def ask(
    place: Giving, zone: str, serial: int | None = None, *codes: int, tcp: bool = True
) -> list[dns.message.Message]:
    query = question(zone, serial)
    query.use_edns(0, payload=1232, options=[dns.edns.GenericOption(code, b"") for code in codes])
    return place.told(query, tcp=tcp)


def options(message: dns.message.Message) -> dict[int, bytes]:
    return {int(option.otype): option.to_wire() or b"" for option in message.options}


def expire(seconds: int) -> bytes:
    return seconds.to_bytes(4, "big")


@pytest.mark.parametrize("serial", [None, 100, 4000000000])
def test_3_2_a_primary_tells_the_field_of_its_soa(place: Giving, serial: int | None) -> None:
    """AXFR; IXFR that is up to date; IXFR that becomes the whole zone."""
    first, *rest = ask(place, "example.", serial, EXPIRE)
    assert options(first) == {EXPIRE: expire(86400)}
    assert all(message.edns == -1 for message in rest)


def test_3_2_over_udp_too(place: Giving) -> None:
    (message,) = ask(place, "example.", 100, EXPIRE, tcp=False)
    assert options(message) == {EXPIRE: expire(86400)}


def test_3_2_a_secondary_tells_what_is_left(place: Giving) -> None:
    apex = name_from_text("sec.test.")
    record = place.backend.zone(apex)
    assert record is not None
    state = Refreshed(incarnation=record.incarnation, expires=time.time() + 1000.5)
    secondary_state.store(place.backend._reader.database, {apex: state})
    told = int.from_bytes(options(ask(place, "sec.test.", None, EXPIRE)[0])[EXPIRE], "big")
    assert 990 <= told <= 1000


def test_3_2_nothing_where_it_is_not_known(place: Giving) -> None:
    apex = name_from_text("sec.test.")
    secondary_state.store(place.backend._reader.database, {apex: None})
    assert options(ask(place, "sec.test.", None, EXPIRE)[0]) == {}


def test_nothing_that_was_not_asked_for(place: Giving) -> None:
    assert options(ask(place, "example.")[0]) == {}
    assert place.told(question("example."))[0].edns == -1


def test_rfc7828_3_3_2_keepalive_on_transfers(place: Giving) -> None:
    """In units of 100 ms; never over UDP; one that is not empty is no request."""
    assert options(ask(place, "example.", None, KEEPALIVE)[0]) == {KEEPALIVE: (125).to_bytes(2, "big")}
    both = options(ask(place, "example.", 100, EXPIRE, KEEPALIVE)[0])
    assert both == {EXPIRE: expire(86400), KEEPALIVE: (125).to_bytes(2, "big")}
    assert options(ask(place, "example.", 100, KEEPALIVE, tcp=False)[0]) == {}
    query = question("example.")
    query.use_edns(0, options=[dns.edns.GenericOption(KEEPALIVE, b"\0\1")])
    assert options(place.told(query)[0]) == {}


def test_a_refusal_tells_nothing(place: Giving) -> None:
    (message,) = ask(place, "elsewhere.test.", None, EXPIRE)
    assert options(message) == {}
