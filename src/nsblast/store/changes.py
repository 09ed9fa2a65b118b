"""How much of the past is kept: the change log and, with each commit of it, what that commit wrote to journals and audit records.

Owns: the bounds and the trimming. Never: what is recorded (batch.py), reading it (reader.py).
The log is trimmed from its oldest commit; the journals of the zones a commit touched go with it, so that the work is
proportional to what is trimmed, whatever the number of zones.
"""

from dataclasses import dataclass

from nsblast.store import layout
from nsblast.store.engine import Batch, Database
from nsblast.store.values_v1 import ChangeRecord, decode
from nsblast.types import CommitNumber

SLICE = 500
"""Commits trimmed in one batch."""


@dataclass(slots=True)
class Keep:
    """Bounds of the past; may be altered while it is in use."""

    age: float = 0
    """Seconds; 0 = any age."""
    octets: int = 0
    """Of all journals together; 0 = any size."""
    commits: int = 10_000_000
    """Length of the change log at most."""


def trim(database: Database, keep: Keep, last: CommitNumber, kept: int, now: float) -> int:
    """Remove a slice of what is beyond the bounds; the octets of journals kept after it. The last commit always stays."""
    batch = Batch(raw_mode=True)
    trimmed = 0
    left = kept
    for key, value in database.range(layout.change_key(0), layout.change_key(last)):
        record = decode(ChangeRecord, value)
        number = layout.change_number(key)
        too_old = keep.age and record.time < now - keep.age
        too_much = keep.octets and left > keep.octets
        if trimmed == SLICE or not (too_old or too_much or last - number >= keep.commits):
            break
        batch.delete(key)
        for actor in record.actors:
            batch.delete_range(layout.acted_key(actor, number, 0), layout.acted_key(actor, number + 1, 0))
        for zone in record.zones:
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
