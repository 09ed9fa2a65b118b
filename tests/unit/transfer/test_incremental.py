"""nsblast.transfer.incremental: what leads from a version to another, condensed, in parts, or not at all. RFC 1995, 1982."""

import asyncio
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast.store.values_v1 import JournalRecord
from nsblast.transfer import incremental
from nsblast.transfer.incremental import Difference, Look, newer
from nsblast.types import Rr

APEX = b"\7example\0"


def soa(serial: int) -> Rr:
    return APEX, 6, 60, b"\2ns" + APEX + b"\1h" + APEX + struct.pack("!5I", serial, 1, 2, 3, 4)


def a(number: int, name: bytes = b"\1a") -> Rr:
    return name + APEX, 1, 60, bytes((192, 0, 2, number))


def step(serial: int, removed: list[Rr], added: list[Rr], **more: Any) -> JournalRecord:
    """One version's change-set, or with removed and added as they are a piece of it."""
    given: dict[str, Any] = {"serial_from": serial, "serial_to": serial + 1, "time": 0.0, **more}
    return JournalRecord(**given, removed=removed, added=added)


def whole(serial: int, removed: list[Rr], added: list[Rr]) -> JournalRecord:
    return step(serial, [soa(serial), *removed], [*added, soa(serial + 1)])


class Reader:
    """A journal."""

    def __init__(self, records: list[JournalRecord] | None) -> None:
        self._records = records

    def journal_since(self, apex: bytes, serial: int) -> Iterator[tuple[int, JournalRecord]] | None:
        return None if self._records is None else iter(list(enumerate(self._records)))


def look(records: list[JournalRecord] | None, serial: int, now: int, names: int = 100) -> Difference | None:
    return asyncio.run(Look(Reader(records), APEX, serial, soa(now), names).read())  # type: ignore[arg-type]


def listed(difference: Difference) -> list[Rr]:
    async def run() -> list[Rr]:
        return [rr async for part in difference.lists() for rr in part]

    return asyncio.run(run())


def test_several_versions_are_one_difference() -> None:
    records = [whole(1, [a(1)], [a(2)]), whole(2, [a(2)], [a(3)]), whole(3, [], [a(9, b"\1b")])]
    found = look(records, 1, 4)
    assert found is not None
    assert listed(found) == [soa(4), soa(1), a(1), soa(4), a(3), a(9, b"\1b"), soa(4)]


def test_what_comes_and_goes_leaves_nothing() -> None:
    found = look([whole(1, [], [a(1)]), whole(2, [a(1)], [])], 1, 3)
    assert found is not None
    assert listed(found) == [soa(3), soa(1), soa(3), soa(3)]


def test_a_large_difference_goes_out_version_by_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental, "CONDENSED", 2)
    records = [whole(1, [a(1)], [a(2), a(7)]), whole(2, [a(2)], [a(3)])]
    found = look(records, 1, 3)
    assert found is not None
    assert found.removed is None
    wanted = [soa(1), a(1), soa(2), a(2), a(7), soa(2), a(2), soa(3), a(3)]
    assert listed(found) == [soa(3), *wanted, soa(3)]


def test_a_change_in_pieces_is_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [
        step(1, [soa(1), a(1)], [], more=True),
        step(1, [a(2)], [soa(2), a(3)], part=1, more=True),
        step(1, [], [a(4)], part=2),
    ]
    found = look(pieces, 1, 2)
    assert found is not None
    assert listed(found) == [soa(2), soa(1), a(1), a(2), soa(2), a(3), a(4), soa(2)]
    monkeypatch.setattr(incremental, "CONDENSED", 0)
    found = look(pieces, 1, 2)
    assert found is not None
    assert listed(found) == [soa(2), soa(1), a(1), a(2), soa(2), a(3), a(4), soa(2)]


@pytest.mark.parametrize(
    "records",
    [
        None,
        [],
        [whole(2, [], [])],
        [whole(1, [], []), whole(3, [], [])],
        [whole(1, [], [])],
        [step(1, [soa(1)], [soa(2)], gap=True), whole(2, [], [])],
        [step(1, [soa(1)], [], more=True)],
        [step(1, [a(1)], [soa(2)]), whole(2, [], [])],
        [step(1, [soa(1)], [a(1)]), whole(2, [], [])],
        [step(1, [soa(9)], [soa(2)]), whole(2, [], [])],
    ],
    ids=[
        "not kept",
        "empty",
        "begins later",
        "a version is missing",
        "ends too early",
        "gap",
        "a piece is missing",
        "no SOA removed",
        "no SOA added",
        "another SOA",
    ],
)
def test_what_does_not_lead_there(records: list[JournalRecord] | None) -> None:
    assert look(records, 1, 3) is None


def test_dearer_than_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incremental, "CONDENSED", 1)
    records = [whole(n, [a(n)], [a(n + 1)]) for n in range(1, 30)]
    assert look(records, 1, 30, names=1) is None
    assert look(records, 1, 30, names=1000) is not None


@given(st.integers(0, 2**32 - 1), st.integers(1, 2**31 - 1))
def test_rfc1982_3_2(serial: int, more: int) -> None:
    later = (serial + more) % 2**32
    assert newer(later, serial)
    assert not newer(serial, later)
    assert not newer(serial, serial)


def test_rfc1982_3_2_half_way_is_neither() -> None:
    assert not newer(0, 2**31)
    assert not newer(2**31, 0)
