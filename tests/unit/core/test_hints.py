"""The ordered set of hints against a sorted list; what goes when it is full."""

from bisect import bisect_right
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.native import probe

PAGE = 32 * 80
KEYS = st.binary(min_size=1, max_size=3) | st.binary(min_size=1, max_size=71)
ZONES = st.sampled_from([1, 2, 2**64 - 1])
ACTS = st.lists(st.tuples(st.sampled_from(["put", "put", "put", "drop"]), ZONES, KEYS), max_size=200)


@given(ACTS, st.lists(st.tuples(ZONES, KEYS), max_size=20))
def test_like_a_sorted_list(acts: list[tuple[str, int, bytes]], questions: list[tuple[int, bytes]]) -> None:
    hints, kept = probe.HintSet(64 * PAGE), set()
    for what, zone, key in acts:
        getattr(hints, what)(zone, key)
        (kept.add if what == "put" else kept.discard)((zone, key))
    order = sorted(kept)
    assert hints.listed() == order
    for zone, key in [*questions, *order]:
        at = bisect_right(order, (zone, key))
        before = order[at - 1] if at else (0, b"")
        assert hints.before(zone, key) == (before[1] if before[0] == zone else None)


def test_pages_split_and_are_given_back() -> None:
    hints = probe.HintSet(64 * PAGE)
    keys = [b"%05d" % (number * 7919 % 1000) for number in range(1000)]
    for key in keys:
        hints.put(7, key)
    assert hints.listed() == [(7, key) for key in sorted(keys)]
    for key in keys:
        hints.drop(7, key)
    assert hints.listed() == []
    hints.put(7, b"again")
    assert hints.before(7, b"z") == b"again"


def test_when_full_every_second_one_goes() -> None:
    hints = probe.HintSet(8 * PAGE)
    for number in range(100_000):
        hints.put(1, b"%06d" % (number * 7919 % 100_000))
        assert number % 1000 or len(hints.listed()) <= 8 * 32
    left = hints.listed()
    assert left == sorted(set(left))
    assert 8 * 8 <= len(left) <= 8 * 32
    gaps = [int(after[1]) - int(before[1]) for before, after in pairwise(left)]
    assert max(gaps) < 10_000, "what is left is spread over all there was"


def test_no_room_is_no_failure() -> None:
    for octets in (0, PAGE - 1, PAGE):
        hints = probe.HintSet(octets)
        for number in range(100):
            hints.put(1, b"%d" % number)
        assert len(hints.listed()) <= 32
        assert hints.before(1, b"") is None


def test_long_keys_are_passed_over() -> None:
    hints = probe.HintSet(PAGE * 4)
    hints.put(1, bytes(72))
    hints.put(1, b"")
    hints.drop(1, bytes(72))
    assert hints.listed() == []
    hints.put(1, b"a" * 71)
    assert hints.before(1, b"a" * 200) == b"a" * 71
    assert hints.before(1, b"a" * 70) is None
