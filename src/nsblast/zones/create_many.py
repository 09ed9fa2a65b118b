"""Many new zones at once: what can be made of them, sorted into files for one ingestion.

Owns: turning CreateZones into a Newborn, and who is left out. Never: the commit (store/writer.py), text, zones that exist.
A new zone has nothing to be merged with and no difference to be kept, so that what it costs is its entries. The text's reader has
checked them all; here, where they come from a command, their order and place are, and those that rules may refuse.
"""

from contextlib import closing
from itertools import pairwise
from pathlib import Path

from nsblast._core.keys import ascending_keys
from nsblast._core.rrset import HAS_CNAME, HAS_DNAME, plain_serial, survey
from nsblast.errors import Conflict, InputError, NsblastError
from nsblast.store import layout
from nsblast.store.bulk import SLICE, EntryFiles
from nsblast.store.commit import Newborn, NewbornEnd
from nsblast.store.engine import Database
from nsblast.store.overlay import Node
from nsblast.store.values_v1 import JournalRecord, What, ZoneKind, ZoneRecord
from nsblast.types import CommitNumber
from nsblast.zones import checks
from nsblast.zones.checks import SOA, text
from nsblast.zones.model import CreateZones, NewZone, Result
from nsblast.zones.structure import flags_of

CHECK_OCTETS = 32 << 10
"""Entries larger than this are always checked whole; smaller ones only where a rule may be broken."""

_Outcome = Result | NsblastError | None


def prepare_zones(change: CreateZones, database: Database, folder: Path) -> Newborn:
    """Away from the committing thread, which looks again whether the zones are new when others commit meanwhile."""
    since = database.position
    given = list(change.zones)
    outcomes: list[_Outcome] = [None] * len(given)
    order = _in_order(given, outcomes)
    _leave_out_existing(given, order, outcomes, database)
    writer = _Writer(EntryFiles(database, folder))
    made: list[tuple[int, int, int]] = []
    """(place in `given`, serial, names) of each zone that is to be."""
    try:
        for _, place in order:
            if outcomes[place] is None:
                try:
                    made.append((place, *writer.take(given[place])))
                except NsblastError as error:
                    outcomes[place] = error
        writer.end()
    except BaseException:
        Newborn([], since, writer.files.files, [], _nothing).discard()
        raise

    def end(number: CommitNumber, now: float) -> NewbornEnd:
        now = change.time if change.time is not None else now
        records, journal = [], []
        after = {tenant: _after(tenant) for tenant in {given[place].tenant for place, _, _ in made}}
        for place, serial, names in made:
            zone = given[place]
            records.append(
                ZoneRecord(
                    tenant=zone.tenant,
                    serial=serial,
                    created=now,
                    changed=now,
                    names=names,
                    incarnation=number,
                    changed_in=number,
                )
            )
            journal.append(
                JournalRecord(
                    serial_from=serial,
                    serial_to=serial,
                    time=now,
                    actor=change.actor,
                    address=change.address,
                    comment=zone.comment,
                    gap=True,
                    what=What.CREATED,
                    after=after[zone.tenant],
                )
            )
            outcomes[place] = Result(zone.apex, number, None, serial, None, names)
        return NewbornEnd(outcomes, records, journal)

    return Newborn([given[place].apex for place, _, _ in made], since, writer.files.files, writer.files.hashes, end)


def _after(tenant: str) -> dict[str, object]:
    return {"kind": ZoneKind.PRIMARY.name.lower(), "tenant": tenant, "settings": {}}


def _nothing(_number: CommitNumber, _now: float) -> NewbornEnd:
    return NewbornEnd([], [], [])


def _in_order(given: list[NewZone], outcomes: list[_Outcome]) -> list[tuple[bytes, int]]:
    """(key of the zone record, place in `given`) in canonical order; of zones given twice the first."""
    order: list[tuple[bytes, int]] = []
    for place, zone in enumerate(given):
        try:
            order.append((layout.zone_key(zone.apex), place))
        except ValueError as error:
            outcomes[place] = InputError(f"not the name of a zone: {error}")
    order.sort()
    for one, other in pairwise(order):
        if one[0] == other[0]:
            outcomes[other[1]] = Conflict(f"the zone {text(given[other[1]].apex)} is given twice")
    return order


def _leave_out_existing(
    given: list[NewZone], order: list[tuple[bytes, int]], outcomes: list[_Outcome], database: Database
) -> None:
    if not order:
        return
    with closing(database.range(order[0][0], order[-1][0] + b"\0")) as between:
        if next(between, None) is None:
            return
    for key, place in order:
        if database.get(key):
            outcomes[place] = Conflict(f"there is a zone {text(given[place].apex)} already")


class _Writer:
    """Entries on their way to the files, some hundred at a time."""

    def __init__(self, files: EntryFiles) -> None:
        self.files = files
        self._keys: list[bytes] = []
        self._entries: list[tuple[bytes, bytes]] = []
        self._octets = 0

    def take(self, zone: NewZone) -> tuple[int, int]:
        """(serial, names) of the next zone; InputError when it is not right, and nothing of it was taken."""
        entries = zone.entries
        low, high = layout.entries_range(zone.apex)
        if not entries or entries[0][0] != low[1:]:
            raise InputError(f"{text(zone.apex)}: the zone's apex must have a SOA")
        try:
            keys = ascending_keys(entries, layout.ENTRY, b"")
            octets, doubtful = survey(entries, HAS_CNAME | HAS_DNAME, CHECK_OCTETS)
            serial = plain_serial(entries[0][1])
            if serial < 0:
                serial, blob = _closer(zone, entries[0][1])
                entries = [(entries[0][0], blob), *entries[1:]]
            for each in doubtful:
                checks.check_entry(layout.entry_of(keys[each])[0], Node.load(entries[each][1]))
        except ValueError as error:
            raise InputError(f"{text(zone.apex)}: an entry is damaged or out of order: {error}") from None
        if keys[-1] >= high:
            raise InputError(f"{text(zone.apex)}: an entry lies outside the zone")
        self._keys += keys
        self._entries += entries
        self._octets += octets
        if len(self._keys) >= SLICE:
            self._put()
        return serial, len(keys)

    def end(self) -> None:
        """All was taken."""
        self._put()
        self.files.end()

    def _put(self) -> None:
        if self._keys:
            self.files.put_slice(self._keys, self._entries, self._octets)
            self._keys, self._entries, self._octets = [], [], 0


def _closer(zone: NewZone, blob: bytes) -> tuple[int, bytes]:
    """Serial and entry of an apex that is not an ordinary one; InputError when it is not right."""
    node = Node.load(blob).copy()
    checks.check_apex(zone.apex, node)
    node.reflag(flags_of(node.flags, node.sets))
    return checks.soa_serial(zone.apex, node.sets[SOA][2][0]), node.pack()
