"""Bringing the contents of an earlier serial back: what a RevertZone means for the zone as it stands.

Owns: working the difference out of the journal. Never: applying it (edit.py), the new serial. It runs while no other change of the zone
is let in, so what it reads is what its result is applied to.
Of each RR the first mention after the serial tells what it was at the serial: taken away, it was there; put in, it was not. An RR
that is not mentioned is as it was. Memory: the RRs that changed since.
"""

from dataclasses import replace as with_fields

from nsblast._core.name import fold, labels
from nsblast.errors import Conflict, InputError, NotFound, NotKept
from nsblast.store import layout
from nsblast.store.engine import Database
from nsblast.store.overlay import RRSIG, Node, SetKey, set_key
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.types import Wire
from nsblast.zones import checks
from nsblast.zones.checks import SOA, text
from nsblast.zones.model import ChangeSet, DeleteName, Expect, NameOp, PutName, RevertZone, RRset
from nsblast.zones.turns import in_turns

_Mentions = dict[tuple[SetKey, bytes], tuple[Wire, int] | None]
"""By set and rdata: owner as spelled and TTL when it was there at the serial; None when it was not."""


def is_revert(change: ChangeSet) -> bool:
    """Whether the change-set is to be worked out first."""
    return any(isinstance(op, RevertZone) for op in change.ops)


def work_out(change: ChangeSet, database: Database) -> ChangeSet:
    """The same change as operations on names. NotFound, NotKept, Conflict for a secondary."""
    op = change.ops[0]
    if len(change.ops) != 1 or not isinstance(op, RevertZone):
        raise InputError(f"{text(change.apex)}: a revert is a change-set of its own")
    reader = StoreReader(database)
    record = reader.zone(change.apex)
    if record is None:
        raise NotFound(f"there is no zone {text(change.apex)}")
    if record.kind is ZoneKind.SECONDARY:
        raise Conflict(f"{text(change.apex)} is a secondary zone: its contents come from its primary")
    mentions = _mentions(reader, change.apex, record, op.serial)
    _check_unsigned(reader, change.apex, mentions)
    deeds: list[tuple[bytes, NameOp]] = []
    depth = labels(change.apex)
    for owner, rrs in in_turns(mentions.items()):
        key = layout.entry_key(owner, depth)
        blob = database.get(key)
        deeds.append((key, _deed(owner, Node.load(blob) if blob else None, rrs, change.apex, record.serial)))
    # What goes makes room for what comes (DNAME, CNAME); names in canonical order, so that a DNAME above goes first.
    deeds.sort(key=lambda deed: (not isinstance(deed[1], DeleteName), deed[0]))
    comment = change.comment or f"revert to serial {op.serial}"
    return with_fields(change, ops=tuple(deed for _, deed in deeds), comment=comment)


def _check_unsigned(reader: StoreReader, apex: Wire, mentions: dict[Wire, _Mentions]) -> None:
    """A new serial would break the signature of the SOA, that of now or that which comes back."""
    signed = RRSIG | SOA << 16
    blob = reader.fetch_in(apex, labels(apex)).blob
    comes = any(key == signed and there is not None for (key, _), there in mentions.get(apex, {}).items())
    if mentions and (comes or (blob and signed in Node.load(blob).sets)):
        raise InputError(f"{text(apex)}: the zone is signed elsewhere: a revert would break the SOA's signature")


def _mentions(reader: StoreReader, apex: Wire, record: ZoneRecord, serial: int) -> dict[Wire, _Mentions]:
    found = reader.journal_since(apex, serial)
    if found is None:
        raise _not_kept(reader, apex, record, serial)
    mentions: dict[Wire, _Mentions] = {}
    at = serial
    for _, piece in found:
        if piece.gap or (piece.part == 0 and piece.serial_from != at):
            raise _not_kept(reader, apex, record, serial)
        at = piece.serial_to
        for owner, rrtype, ttl, rdata in in_turns(piece.removed):
            mentions.setdefault(fold(owner), {}).setdefault((set_key(rrtype, rdata), rdata), (owner, ttl))
        for owner, rrtype, _, rdata in in_turns(piece.added):
            mentions.setdefault(fold(owner), {}).setdefault((set_key(rrtype, rdata), rdata), None)
    if at != record.serial:
        raise _not_kept(reader, apex, record, serial)
    return mentions


def _not_kept(reader: StoreReader, apex: Wire, record: ZoneRecord, serial: int) -> NotKept:
    """Says how far back one may go."""
    oldest = record.serial
    for _, piece in reader.journal(apex, backwards=True, after=record.incarnation):
        if piece.gap or (piece.leads and piece.serial_to != oldest):
            break
        if piece.leads and piece.part == 0:
            oldest = piece.serial_from
    zone = text(apex)
    return NotKept(
        f"{zone}: the journal does not reach serial {serial}; it has {oldest} to {record.serial}",
        zone=zone,
        oldest=oldest,
    )


def _deed(owner: Wire, node: Node | None, rrs: _Mentions, apex: Wire, serial: int) -> NameOp:
    """What makes the name what it was."""
    sets: dict[SetKey, tuple[int, list[bytes]]] = {}
    for key, (_, ttl, rdatas) in node.sets.items() if node is not None else ():
        sets[key] = (ttl, [rdata for rdata in rdatas if (key, rdata) not in rrs])
    spelled = node.spelling if node is not None and node.spelling else owner
    for (key, rdata), there in rrs.items():
        if there is not None:
            spelled, ttl = there
            sets[key] = (ttl, [*sets.get(key, (0, []))[1], rdata])
    if owner == apex and SOA in sets and sets[SOA][1]:
        # Its serial is no part of what comes back: the zone's goes on.
        sets[SOA] = (sets[SOA][0], [checks.with_serial(rdata, serial) for rdata in sets[SOA][1]])
    rrsets = tuple(RRset(key & 0xFFFF, ttl, tuple(rdatas)) for key, (ttl, rdatas) in sets.items() if rdatas)
    return PutName(spelled, rrsets) if rrsets or owner == apex else DeleteName(owner, Expect.ANY)
