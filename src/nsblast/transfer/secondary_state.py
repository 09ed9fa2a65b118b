"""What is remembered of a secondary between two starts: when its master confirmed it last, and for how long that is good.

Owns: the stored form, when a zone expires. Never: deciding when to ask (secondary.py). Workers read it too, for EDNS EXPIRE (RFC 7314).
It is written in batches without waiting for the disk: what is lost makes a zone be looked at too early, never be served too long.
"""

import time
from collections.abc import Iterator, Mapping

import msgspec

from nsblast.store import layout
from nsblast.store.engine import Batch, Database
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.types import Wire

VERSION = 1


class Refreshed(msgspec.Struct, array_like=True, kw_only=True, frozen=True, gc=False):
    """One zone's. A field may be appended with a default, never moved, removed or given another meaning."""

    incarnation: int
    """Of the zone: a later one of the same name begins anew."""
    confirmed: float = 0.0
    """When its master said that it is the newest version; seconds since 1970, 0 = never."""
    expires: float = 0.0
    """When it stops being served unless it is confirmed again; 0 = it has no contents."""
    refresh: int = 0
    """Of its SOA, seconds."""
    retry: int = 0
    transferred: float = 0.0
    """When its contents came last."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Refreshed)
_HEAD = bytes((VERSION,))


def _decode(octets: bytes) -> Refreshed | None:
    """None for what does not read: it is asked for again."""
    if octets[:1] != _HEAD:
        return None
    try:
        return _DECODER.decode(memoryview(octets)[1:])
    except msgspec.MsgspecError:
        return None


def load(database: Database, apex: Wire) -> Refreshed | None:
    """Of one zone."""
    octets = database.get(layout.refreshed_key(apex))
    return _decode(octets) if octets else None


def load_all(database: Database) -> Iterator[tuple[Wire, Refreshed]]:
    """Of all zones there are any of."""
    for key, octets in database.range(layout.REFRESHED, layout.after(layout.REFRESHED)):
        found = _decode(octets) if octets else None
        if found is not None:
            yield layout.refreshed_of(key), found


def store(database: Database, states: Mapping[Wire, Refreshed | None]) -> None:
    """Keep these; None = the zone is gone."""
    if not states:
        return
    batch = Batch(raw_mode=True)
    for apex, state in states.items():
        if state is None:
            batch.delete(layout.refreshed_key(apex))
        else:
            batch.put(layout.refreshed_key(apex), _HEAD + _ENCODER.encode(state))
    database.write(batch, sync=False)


def expires_in(database: Database, apex: Wire, record: ZoneRecord, now: float | None = None) -> int | None:
    """Seconds until a secondary expires, as the database given shows it (a worker's lags some seconds); None = it is none, or not known."""
    if record.kind is not ZoneKind.SECONDARY or record.expired:
        return None
    state = load(database, apex)
    if state is None or state.incarnation != record.incarnation or not state.expires:
        return None
    return max(0, int(state.expires - (time.time() if now is None else now)))
