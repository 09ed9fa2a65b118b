"""RFC 1982 3: serial numbers are added (3.1) and compared (3.2) modulo 2**32; the RFC's examples of section 5 scaled up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast.zones.checks import is_newer, next_serial

SERIALS = st.integers(0, 2**32 - 1)
HALF = 2**31


@pytest.mark.parametrize(
    ("serial", "than"),
    [(1, 0), (44, 0), (100, 0), (100, 44), (2**32 - 1, 2**32 - 2), (0, 2**32 - 1), (HALF - 1, 0), (0, HALF + 1)],
)
def test_3_2_newer(serial: int, than: int) -> None:
    assert is_newer(serial, than)
    assert not is_newer(than, serial)


def test_3_2_equal_is_not_newer() -> None:
    assert not is_newer(7, 7)


@pytest.mark.parametrize("serial", [0, 1, HALF, 2**32 - 1])
def test_3_2_the_opposite_number_is_undefined_and_never_newer(serial: int) -> None:
    opposite = (serial + HALF) % 2**32
    assert not is_newer(serial, opposite)
    assert not is_newer(opposite, serial)


@given(SERIALS, st.integers(1, HALF - 1))
def test_3_1_what_is_added_to_makes_newer(serial: int, step: int) -> None:
    later = (serial + step) % 2**32
    assert is_newer(later, serial)
    assert not is_newer(serial, later)


@given(SERIALS)
def test_the_next_serial_is_newer_and_not_zero(serial: int) -> None:
    assert is_newer(next_serial(serial), serial)
    assert 0 < next_serial(serial) < 2**32
