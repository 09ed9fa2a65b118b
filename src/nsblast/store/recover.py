"""Brings a shared segment up to the store when its writer starts.

Owns: what a fresh segment learns, and what a segment that outlived its writer is told again. Never: the background fill (warm.py).
"""

from nsblast.store import layout
from nsblast.store.engine import Batch, Database
from nsblast.store.overlay import Base
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import What
from nsblast.store.visible import Plan, Visible
from nsblast.types import CommitNumber


def bring_up(visible: Visible, database: Database) -> CommitNumber:
    """Make everything committed visible; the number that was reached, at least the store's position."""
    segment = visible.segment
    segment.set_seed(*database.seed)
    position, done = database.position, segment.done
    if done == 0:
        for key, _ in database.range(layout.SPECIAL, layout.after(layout.SPECIAL)):
            segment.set_special(layout.special_of(key), 1)
        if position:
            segment.set_done(position)
        return position
    if done >= position:
        # A writer killed before its commit was on the disk may have told the readers of its zones to wait for that number.
        return _use_up(visible, database, done + 1)
    plan = _missed(visible, database, done)
    for apex in plan.born:
        segment.filter_add_apex(apex)
    visible.stage(plan)
    visible.show(position, plan)
    return position


def _use_up(visible: Visible, database: Database, number: CommitNumber) -> CommitNumber:
    """A commit of nothing: whoever waits for the number goes on, and workers reach it."""
    batch = Batch(raw_mode=True)
    batch.put(layout.SEQUENCE_KEY, number.to_bytes(8, "big"))
    database.write(batch)
    visible.show(number, Plan())
    return number


def _missed(visible: Visible, database: Database, done: CommitNumber) -> Plan:
    """What the commits after `done` show, all at once, as the store has it now."""
    reader = StoreReader(database)
    base = Base(database)
    plan = Plan()
    for _, record in reader.changes(done):
        for zone in record.zones:
            plan.zones.add(zone.apex)
            if zone.bulk:
                plan.floors.add(zone.apex)
            if zone.what is What.CREATED:
                plan.born.append(zone.apex)
            if zone.what in (What.CREATED, What.DELETED):
                # What the zones above show below this apex may have changed with it.
                above = visible.apex_of(zone.apex[zone.apex[0] + 1 :], base) if zone.apex != b"\0" else None
                if above is not None:
                    plan.floors.add(layout.suffix(zone.apex, above))
                    plan.zones.add(layout.suffix(zone.apex, above))
            if database.get(layout.special_key(zone.apex)) is not None:
                # Perhaps counted already: a count too high costs a look at the apex, one too low would be wrong.
                plan.special[zone.apex] = 1
        for key in record.keys:
            name, _ = layout.entry_of(key)
            plan.shown[name] = reader.fetch(name).blob
    return plan
