"""How much of the past is kept: the change log and, with each commit of it, what that commit wrote to journals and audit records.

Owns: the bounds and the trimming. Never: what is recorded (batch.py), reading it (reader.py).
The log is trimmed from its oldest commit; the journals of the zones a commit touched go with it, so that the work is
proportional to what is trimmed, whatever the number of zones. A zone that takes more than its share loses the oldest of its own
journal; the log stays, and what it says of octets is put right. Records of an earlier zone of the name are older, and go first.
"""

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from nsblast.store import layout
from nsblast.store.engine import Batch, Database
from nsblast.store.values_v1 import ChangeRecord, JournalRecord, ZoneRecord, decode, encode
from nsblast.types import CommitNumber, Wire

SLICE = 500
"""Commits trimmed in one batch."""
ZONES = 20_000
"""Zones that they touched, at which the batch ends earlier."""


@dataclass(slots=True)
class Keep:
    """Bounds of the past; may be altered while it is in use."""

    age: float = 0
    """Seconds; 0 = any age."""
    octets: int = 0
    """Of all journals together; 0 = any size."""
    commits: int = 10_000_000
    """Length of the change log at most."""
    zone: int = 0
    """Octets of one zone's journal; 0 = any size."""


def trim(database: Database, keep: Keep, last: CommitNumber, kept: int, now: float) -> int:
    """Remove a slice of what is beyond the bounds; the octets of journals kept after it. The last commit always stays."""
    batch = Batch(raw_mode=True)
    trimmed = zones = 0
    left = kept
    for key, value in database.range(layout.change_key(0), layout.change_key(last)):
        record = decode(ChangeRecord, value)
        number = layout.change_number(key)
        too_old = keep.age and record.time < now - keep.age
        too_much = keep.octets and left > keep.octets
        if trimmed == SLICE or zones > ZONES or not (too_old or too_much or last - number >= keep.commits):
            break
        batch.delete(key)
        for actor in record.actors:
            batch.delete_range(layout.acted_key(actor, number, 0), layout.acted_key(actor, number + 1, 0))
        zones += len(record.zones)
        for zone in record.zones:
            if record.newborn:
                batch.delete(layout.journal_key(zone.apex, number, 0))
                continue
            low = layout.journal_key(zone.apex, number, 0)
            batch.delete_range(low, layout.journal_key(zone.apex, number + 1, 0))
            if zone.before is not None:
                index = layout.serial_key(zone.apex, zone.before)
                if (database.get(index) or b"")[:8] == key[1:]:  # else a later change-set led on from the same serial
                    batch.delete(index)
        for piece in range(record.audits):
            batch.delete(layout.audit_key(number, piece))
        left = max(0, left - record.octets)
        trimmed += 1
    if trimmed:
        batch.put(layout.KEPT_KEY, left.to_bytes(8, "big"))
        # Lost with the power, it is trimmed again.
        database.write(batch, sync=False)
    return left


class Trimmed(NamedTuple):
    """What trim_zone() left."""

    done: bool
    """Whether the zone is within its bound, or has one commit left."""
    begin: int
    """Where its oldest record begins in all that was ever written to its journal."""
    kept: int
    """Octets of all journals."""


def trim_zone(database: Database, bound: int, apex: Wire, record: ZoneRecord, kept: int) -> Trimmed:
    """When a zone's journal is beyond its bound, remove a slice of the oldest, down to three quarters; the newest commit always stays.

    A range that was deleted before is passed over as one, so that the work is that of what goes.
    """
    batch = Batch(raw_mode=True)
    at: CommitNumber | None = None
    begin = trimmed = 0
    serials: list[int] = []
    done = True
    for key, value in database.range(*layout.journal_range(apex)):
        number = layout.journal_place(key)[0]
        piece = decode(JournalRecord, value)
        if number != at:
            if at is not None:
                # Once it must be trimmed, a quarter more goes: so that it need not be with each commit.
                most = bound - bound // 4 if trimmed else bound
                if at >= record.incarnation and record.journalled - begin <= most:
                    break
                if trimmed == SLICE:
                    done = False
                    break
                # Of an earlier zone of the name it is not known how much its last commit wrote: as if nothing.
                octets = max(0, piece.offset - begin)
                _take_away(database, batch, apex, at, serials, octets)
                kept = max(0, kept - octets)
                trimmed += 1
            at, begin, serials = number, piece.offset, []
        if piece.leads and piece.part == 0:
            serials.append(piece.serial_from)
    if trimmed:
        batch.put(layout.KEPT_KEY, kept.to_bytes(8, "big"))
        # Lost with the power, it is trimmed again.
        database.write(batch, sync=False)
    return Trimmed(done, begin, kept)


def _take_away(
    database: Database, batch: Batch, apex: Wire, number: CommitNumber, serials: list[int], octets: int
) -> None:
    """What one commit wrote to one zone's journal, with its index; an actor's index may lead nowhere then."""
    batch.delete_range(layout.journal_key(apex, number, 0), layout.journal_key(apex, number + 1, 0))
    for serial in serials:
        index = layout.serial_key(apex, serial)
        if (database.get(index) or b"")[:8] == number.to_bytes(8, "big"):
            batch.delete(index)
    value = database.get(layout.change_key(number))
    if value:
        change = decode(ChangeRecord, value)
        change = msgspec.structs.replace(change, octets=max(0, change.octets - octets))
        batch.put(layout.change_key(number), encode(change))
