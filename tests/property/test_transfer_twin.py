"""After any change-sets: what an IXFR makes of any earlier version is, record by record in canonical form, what AXFR gives now."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsblast.transfer import incremental
from tests.helpers import transfers
from tests.helpers.giving import Giving, giving, put_of

NAMES = ("example.", "a.example.", "b.a.example.", "C.example.", "*.example.", "cut.example.", "below.cut.example.")
VALUES = {
    "A": ("192.0.2.1", "192.0.2.2", "192.0.2.3"),
    "TXT": ('"one"', '"two"', '"Two"'),
    "MX": ("10 a.example.", "10 A.example.", "20 b.example."),
    "NS": ("ns1.example.", "ns2.example."),
    "TYPE65280": ("\\# 1 00", "\\# 2 0001"),
}
value = st.sampled_from(tuple(VALUES)).flatmap(
    lambda kind: st.tuples(
        st.just(kind), st.sampled_from((60, 300)), st.lists(st.sampled_from(VALUES[kind]), min_size=1, unique=True)
    )
)
put = st.tuples(st.sampled_from(NAMES), st.lists(value, max_size=3, unique_by=lambda one: one[0]))
changes = st.lists(st.lists(put, min_size=1, max_size=4, unique_by=lambda one: one[0].lower()), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def place() -> Iterator[Giving]:
    with giving() as opened:
        yield opened


@given(changes, st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_earlier_version_becomes_the_one_served(
    place: Giving, steps: list[list[tuple[str, list[tuple[str, int, list[str]]]]]], condensed: bool
) -> None:
    place.reset()
    versions = [place.whole()]
    for step in steps:
        ops = tuple(put_of(owner, sets) for owner, sets in step if owner != "example.")
        if ops:
            place.change(*ops)
            versions.append(place.whole())
    now = versions[-1]
    with pytest.MonkeyPatch.context() as patch:
        if not condensed:
            patch.setattr(incremental, "CONDENSED", 0)
            patch.setattr(incremental, "WHOLE_RATIO", 1 << 40)
        for before in versions:
            query = transfers.question("example.", transfers.serial_of(before))
            found = place.records(query)
            assert transfers.apply(before, found) == now
            datagram = place.records(query, tcp=False)
            if len(datagram) > 1 or before == now:
                assert transfers.apply(before, datagram) == now
