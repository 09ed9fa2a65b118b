"""An SOA without a TTL takes its minimum (RFC 1035 5.2), which may be larger than any TTL (RFC 2181 8): that is an error.

Found by fuzzing: the zone was read, and its own export could not be.
"""

import pytest

from nsblast.errors import ZoneFileError
from nsblast.zones.collect import read_zone

ZONE = b"a.example. SOA ns host 1 1 1 1 %d\n NS ns.example.\n"


def test_a_minimum_that_is_no_ttl_is_refused() -> None:
    with pytest.raises(ZoneFileError, match="TTL before the type"):
        list(read_zone(ZONE % 4294967295).entries())


def test_the_largest_ttl_is_taken() -> None:
    zone = b"$ORIGIN a.example.\n@ SOA ns host 1 1 1 1 2147483647\n NS ns.example.\n"
    assert len(list(read_zone(zone).entries())) == 1
