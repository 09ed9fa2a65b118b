"""What the deletion of a large zone leaves in its journal: the zone's records, in pieces made ready away from the committing thread.

Owns: reading the zone and encoding the pieces. Never: the deletion itself (edit.py), keys. Runs while no other change of the zone is
let in, so that what it read is what goes. Memory: the encoded pieces, at most JOURNAL_OCTETS of records; a zone that holds
more is deleted with a gap, as any change that large is.
"""

import time
from dataclasses import replace as with_fields

import msgspec

from nsblast.errors import NotFound
from nsblast.store import layout
from nsblast.store.commit import BULK
from nsblast.store.engine import Database
from nsblast.store.overlay import Layer, Node
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import JournalRecord, What, encode
from nsblast.types import Rr, Wire
from nsblast.zones.checks import text
from nsblast.zones.edit import KeptDeletion
from nsblast.zones.journal import JOURNAL_OCTETS, PIECE_OCTETS, PIECE_RRS, mark_of
from nsblast.zones.model import ChangeSet, DeleteZone
from nsblast.zones.turns import in_turns

SAMPLE = 1000
"""Names after which it is plain whether the zone is far too large."""


def is_large(change: ChangeSet, store: Layer) -> bool:
    """Whether it deletes a zone whose names are too many for the committing thread to look at."""
    if change.dry_run or not any(isinstance(op, DeleteZone) for op in change.ops):
        return False
    record = store.zone(change.apex)
    return record is not None and record.names > BULK


def keep(change: ChangeSet, database: Database) -> ChangeSet:
    """The same deletion with the zone's records, if they are few enough to be kept."""
    if len(change.ops) != 1:
        return change  # edit.py refuses it
    record = StoreReader(database).zone(change.apex)
    if record is None:
        raise NotFound(f"there is no zone {text(change.apex)}")
    now = change.time if change.time is not None else time.time()
    mark = mark_of(change, What.DELETED, record, None, now)
    pieces = _Pieces(mark)
    names = 0
    for key, blob in in_turns(database.range(*layout.entries_range(change.apex))):
        if not blob:
            continue
        names += 1
        pieces.add(layout.entry_of(key)[0], blob)
        if pieces.octets > JOURNAL_OCTETS:
            return change
        if names == SAMPLE and pieces.octets // SAMPLE * record.names > 2 * JOURNAL_OCTETS:
            return change
    return with_fields(change, ops=(pieces.ended(),))


class _Pieces:
    """Journal records of so many removed RRs as come."""

    def __init__(self, mark: JournalRecord) -> None:
        self._mark = mark
        self._later = msgspec.structs.replace(mark, before={}, after={})
        self._first: JournalRecord | None = None
        self._encoded: list[bytes] = []
        self._rrs: list[Rr] = []
        self._filled = 0
        self.octets = 0

    def add(self, name: Wire, blob: bytes) -> None:
        """The records of one entry."""
        for rr in Node.load(blob).rrs(name):
            if len(self._rrs) == PIECE_RRS or self._filled > PIECE_OCTETS:
                self._end_piece(more=True)
            self._rrs.append(rr)
            octets = len(rr[0]) + len(rr[3]) + 10
            self._filled += octets
            self.octets += octets

    def _end_piece(self, *, more: bool) -> None:
        if self._first is None:
            self._first = msgspec.structs.replace(self._mark, more=more, removed=self._rrs)
        else:
            part = len(self._encoded) + 1
            self._encoded.append(encode(msgspec.structs.replace(self._later, part=part, more=more, removed=self._rrs)))
        self._rrs, self._filled = [], 0

    def ended(self) -> KeptDeletion:
        """All was added."""
        self._end_piece(more=False)
        assert self._first is not None
        return KeptDeletion(self._first, self._encoded, self.octets)
