"""RFC 2308 4: the $TTL directive."""

import pytest

from nsblast.errors import ZoneFileError
from tests.helpers.zonetext import APEX, zone_lines


def ttls(text: str) -> list[int]:
    return [int(line.split()[1]) for line in zone_lines(APEX + text)]


def test_it_is_the_ttl_of_records_behind_it_that_have_none() -> None:
    assert ttls("$TTL 120\na A 192.0.2.1\nb 60 A 192.0.2.1\nc A 192.0.2.1\n") == [120, 60, 120]


def test_it_holds_until_the_next_one() -> None:
    assert ttls("$TTL 120 ; comment\na A 192.0.2.1\n$TTL 240\nb A 192.0.2.1\n") == [120, 240]


def test_without_it_the_last_explicit_ttl_counts() -> None:
    assert ttls("a 7 A 192.0.2.1\nb A 192.0.2.1\n") == [7, 7]


def test_without_any_ttl_the_minimum_of_the_soa_serves() -> None:
    text = "@ SOA ns host 1 7200 900 1209600 300\n@ NS ns.elsewhere.\na A 192.0.2.1\n"
    assert zone_lines(text) == ["a.example.com. 300 A 192.0.2.1"]


def test_a_record_before_any_ttl_is_refused() -> None:
    with pytest.raises(ZoneFileError, match="a TTL"):
        zone_lines("a A 192.0.2.1\n" + APEX)


@pytest.mark.parametrize("value", ["", "x", "-1", "1 2", "2147483648", '"1"'])
def test_it_takes_one_ttl(value: str) -> None:
    with pytest.raises(ZoneFileError):
        zone_lines(APEX + f"$TTL {value}\na A 192.0.2.1\n")
