"""What a replacement changes: the merge gives what a comparison of two maps would, whatever the slices."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nsblast.errors import InputError
from nsblast.store import bulk, layout
from nsblast.store.engine import Batch, Database
from tests.unit.zones.editing import APEX

LOW, HIGH = layout.entries_range(APEX)
CONTENTS = st.dictionaries(st.integers(0, 40), st.sampled_from([b"a", b"b"]), max_size=30)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.primary(tmp_path / "db")
    yield database
    database.close()


def key(number: int) -> bytes:
    return LOW + b"n%02d\0" % number


def store(database: Database, contents: dict[int, bytes]) -> None:
    batch = Batch(raw_mode=True)
    for old, _ in list(database.range(LOW, HIGH)):
        batch.delete(old)
    for number, blob in contents.items():
        batch.put(key(number), blob)
    database.write(batch, sync=False)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(
    old=st.dictionaries(st.integers(0, 40), st.sampled_from([b"a", b"b", b""]), max_size=30),
    new=CONTENTS,
    size=st.integers(1, 9),
)
def test_gives_what_two_maps_would(database: Database, old: dict[int, bytes], new: dict[int, bytes], size: int) -> None:
    store(database, old)
    entries = [(key(number)[1:], new[number]) for number in sorted(new)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "SLICE", size)
        found = list(bulk.difference(database, APEX, iter(entries)))
    expected = [
        (key(number), old.get(number) or None, new.get(number))
        for number in sorted({*old, *new})
        if (old.get(number) or None) != new.get(number)
    ]
    assert found == expected


def test_the_same_again_is_no_difference(database: Database) -> None:
    store(database, dict.fromkeys(range(40), b"a"))
    assert not list(bulk.difference(database, APEX, [(key(number)[1:], b"a") for number in range(40)]))


@pytest.mark.parametrize("keys", [[key(2), key(1)], [key(1), key(1)], [key(1), HIGH + b"x"]])
def test_refuses_what_is_out_of_order_or_outside(database: Database, keys: list[bytes]) -> None:
    with pytest.raises(InputError, match="out of order or outside"):
        list(bulk.difference(database, APEX, [(each[1:], b"a") for each in keys]))
