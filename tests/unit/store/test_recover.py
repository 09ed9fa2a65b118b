"""A writer that died in the middle of a commit, and the segment it left behind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast._core.segment import Segment
from nsblast.records import from_text, name_from_text
from nsblast.store.engine import Database
from nsblast.store.writer import Committer
from nsblast.types import Rr
from nsblast.zones.build import entries_of
from nsblast.zones.model import ChangeSet, ReplaceZone
from nsblast.zones.replace import ZoneRules

APEX = name_from_text("example.")


def zone(serial: int) -> ChangeSet:
    rrs: list[Rr] = [
        (APEX, 6, 60, from_text(6, f"ns.example. h.example. {serial} 2 3 4 5")),
        (APEX, 2, 60, from_text(2, "ns.example.")),
    ]
    return ChangeSet(APEX, (ReplaceZone(list(entries_of(APEX, rrs))),))


@pytest.fixture
def fd() -> Iterator[int]:
    fd = Segment.create(8 << 20, 1)
    yield fd
    os.close(fd)


def test_a_commit_that_never_reached_the_disk_holds_nobody_up(tmp_path: Path, fd: int) -> None:
    database = Database.primary(tmp_path)
    first = Segment(fd, writer=True)
    committer = Committer(database, ZoneRules(), segment=first)
    committer.start()
    committer.apply(zone(1))
    committer.close()
    # Killed between telling the readers of the zone to wait and writing.
    number = first.done + 1
    first.begin(number, [APEX])
    first.close()

    second = Segment(fd, writer=True)
    committer = Committer(database, ZoneRules(), segment=second)
    committer.start()
    try:
        assert second.done == number, "readers of the zone wait for a number that will not come"
        assert database.position == number, "workers can never be where the segment is"
        result = committer.apply(zone(2))
        assert result.number == number + 1
        assert second.done == number + 1
    finally:
        committer.close()
        second.close()
        database.close()
