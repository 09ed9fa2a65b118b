"""A zone's change as journal records: what was done, by whom, from where, when, and the RRs taken away and put in.

Owns: the making of the records, their pieces. Never: keys, reading them (store/reader.py), the difference itself (edit.py).
A record with what=CHANGED leads from its first serial to its second (IXFR); others are there for history alone.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from nsblast.store.values_v1 import JournalRecord, What, ZoneRecord
from nsblast.types import Rr
from nsblast.zones.model import ChangeSet

PIECE_RRS = 1000
PIECE_OCTETS = 128 << 10
JOURNAL_OCTETS = 32 << 20
"""A difference larger than this is noted as a gap: whoever needs it transfers the zone whole."""


def mark_of(
    change: ChangeSet, what: What, before: ZoneRecord | None, after: ZoneRecord | None, now: float
) -> JournalRecord:
    """What was done to a zone, without its RRs. A new zone's record leads from its serial to itself, and brings nobody across."""
    had, has = before or after, after or before
    assert had is not None
    assert has is not None
    told: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    if (had.tenant, had.kind, had.settings, had.expired) != (has.tenant, has.kind, has.settings, has.expired) or (
        had is has
    ):
        told = (_settings(before), _settings(after))
    return JournalRecord(
        serial_from=had.serial,
        serial_to=has.serial,
        time=now,
        actor=change.actor,
        address=change.address,
        comment=change.comment,
        what=what,
        before=told[0],
        after=told[1],
        offset=before.journalled if before is not None else 0,
    )


def _settings(record: ZoneRecord | None) -> dict[str, Any]:
    if record is None:
        return {}
    told = {"kind": record.kind.name.lower(), "tenant": record.tenant, "settings": record.settings}
    return {**told, "expired": True} if record.expired else told


def gap(mark: JournalRecord) -> JournalRecord:
    """The record of a change whose difference is not kept."""
    return msgspec.structs.replace(mark, gap=True)


def journal_of(mark: JournalRecord, removed: list[Rr], added: list[Rr]) -> tuple[int, list[JournalRecord]]:
    """(octets, records) of a change with its difference."""
    octets = 0
    for part in (removed, added):
        for owner, _, _, rdata in part:
            octets += len(owner) + len(rdata) + 10
    if octets > JOURNAL_OCTETS:
        return 0, [gap(mark)]
    if octets < PIECE_OCTETS:
        return octets, [msgspec.structs.replace(mark, removed=removed, added=added)]
    pieces: list[tuple[list[Rr], list[Rr]]] = [(part, []) for part in _pieces(removed)]
    pieces += [([], part) for part in _pieces(added)]
    later = msgspec.structs.replace(mark, before={}, after={})
    last = len(pieces) - 1
    return octets, [
        msgspec.structs.replace(later if part else mark, part=part, more=part < last, removed=piece[0], added=piece[1])
        for part, piece in enumerate(pieces)
    ]


def _pieces(rrs: list[Rr]) -> Iterator[list[Rr]]:
    piece: list[Rr] = []
    octets = 0
    for rr in rrs:
        piece.append(rr)
        octets += len(rr[0]) + len(rr[3]) + 10
        if len(piece) == PIECE_RRS or octets > PIECE_OCTETS:
            yield piece
            piece, octets = [], 0
    if piece:
        yield piece
