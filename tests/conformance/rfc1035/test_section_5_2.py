"""RFC 1035 5.2: what a master file must hold to make a zone."""

import pytest

from nsblast.errors import ZoneFileError
from tests.helpers.zonetext import APEX, zone_lines


def test_exactly_one_soa_at_the_top_of_the_zone() -> None:
    with pytest.raises(ZoneFileError, match="a SOA record"):
        zone_lines("@ 60 NS a.\n")
    with pytest.raises(ZoneFileError, match="one SOA"):
        zone_lines(APEX + "@ 60 SOA ns host 2 7200 900 1209600 300\n")
    with pytest.raises(ZoneFileError, match="apex only"):
        zone_lines(APEX + "a 60 SOA ns host 2 7200 900 1209600 300\n")


def test_glue_below_delegations_is_kept() -> None:
    text = APEX + "a 60 NS ns.a\nns.a 60 A 192.0.2.1\n"
    assert zone_lines(text) == ["a.example.com. 60 NS ns.a.example.com.", "ns.a.example.com. 60 A 192.0.2.1"]


def test_information_outside_of_the_zone_is_refused() -> None:
    for name in ("a.example.net.", "com.", ".", "aexample.com."):
        with pytest.raises(ZoneFileError, match="inside the zone"):
            zone_lines(APEX + f"{name} 60 A 192.0.2.1\n")


def test_all_records_of_a_zone_or_none() -> None:
    with pytest.raises(ZoneFileError, match="IPv4"):
        zone_lines(APEX + "a 60 A 192.0.2.1\n" * 3 + "b 60 A 192.0.2\n")
