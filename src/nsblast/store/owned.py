"""The zones of each tenant, as keys in order: completed once for databases made before they were kept.

Owns: the completion. Commits keep the keys from then on (batch.py), so that the page of a tenant's list is one short range whatever
the number of zones and tenants. Invariant: `mowned` is written with the last keys, so a completion cut short is done again.
"""

from nsblast.store import layout
from nsblast.store.engine import Batch, Database
from nsblast.store.values_v1 import ZoneRecord, decode

SLICE = 10_000


def complete(database: Database) -> None:
    """Write the missing keys; at once back when all are there."""
    if database.get(layout.OWNED_KEY) is not None:
        return
    batch = Batch(raw_mode=True)
    count = 0
    for key, value in database.range(layout.ZONE, layout.after(layout.ZONE)):
        if value:
            batch.put(layout.owned_key(decode(ZoneRecord, value).tenant, layout.zone_of(key)), b"")
            count += 1
        if count == SLICE:
            database.write(batch, sync=False)
            batch, count = Batch(raw_mode=True), 0
    batch.put(layout.OWNED_KEY, b"1")
    database.write(batch)
