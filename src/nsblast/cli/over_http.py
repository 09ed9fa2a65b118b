"""The Backend over the admin API: what makes `zone` and `rr` work with --url as they do without.

Owns: change-sets to requests, JSON to stored forms. Never: HTTP itself (nsblast.client), what is printed.
A name is always of its deepest zone here. Who may not list zones can still read and change the names that are permitted.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from struct import pack
from typing import Any, cast

import msgspec

from nsblast._core.name import fold, labels
from nsblast._core.rrset import pack_entry
from nsblast.admin.entries import SOA, read, type_member
from nsblast.admin.entry_form import EntryForm
from nsblast.admin.entry_show import show
from nsblast.backend import Change, Entry, Zone
from nsblast.client import Client, Missing, NotPermitted, Stale, shapes
from nsblast.client.transport import Writing
from nsblast.errors import Conflict, InputError, NotFound, NsblastError, UsageError
from nsblast.records import from_text, name_from_text, name_to_text, type_number
from nsblast.store.layout import suffixes
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.types import CommitNumber, Labels, Rr, Wire
from nsblast.zones.collect import read_zone
from nsblast.zones.model import (
    AppendRRs,
    ChangeSet,
    CreateZones,
    DeleteName,
    DeleteRRs,
    DeleteTypes,
    DeleteZone,
    Diff,
    MergeRRsets,
    ReplaceZone,
    Result,
    RevertZone,
    RRset,
)
from nsblast.zones.zonefile import write_zone

_TRIES = 10
"""Of a change that others are quicker than."""
_WHOLE = 8 << 20
"""Octets of a zone file that are sent in one piece."""


class UrlBackend:
    """See Backend."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.running = True

    # -- reading

    def zones(
        self, start: Wire | None = None, *, limit: int | None = None, backwards: bool = False, below: Wire | None = None
    ) -> Iterator[Zone]:
        """See Backend."""
        return islice(self._zones(start, backwards, below), limit)

    def _zones(self, start: Wire | None, backwards: bool, below: Wire | None) -> Iterator[Zone]:
        if below is not None and not backwards and (start is None or below not in suffixes(start)):
            top = self._zone(below)
            if top is not None and start is None:
                yield top
            if start is None:
                start = below
        direction: Any = "backward" if backwards else "forward"
        given = name_to_text(start) if start is not None else ""
        for each in map(_zone_of, self._client.zones(start=given, direction=direction)):
            if below is None or below in suffixes(each.apex):
                yield each
            elif not backwards and start == below:
                return

    def zone(self, apex: Wire) -> ZoneRecord | None:
        """See Backend."""
        found = self._zone(apex)
        return None if found is None else found.record

    def _zone(self, apex: Wire) -> Zone | None:
        """The list's entry: the one before the name that follows the apex at once in canonical order."""
        after = name_to_text(b"\1\0" + apex) if len(apex) <= 253 else ""
        if not after:
            return next((each for each in self._zones(None, False, None) if each.apex == apex), None)
        found = next(map(_zone_of, self._client.zones(start=after, direction="backward", limit=1)), None)
        return found if found is not None and found.apex == apex else None

    def find_zone(self, name: Wire) -> Zone | None:
        """See Backend; who may not list zones gets a record with nothing in it, and the name itself when it holds nothing yet."""
        with suppress(Missing):
            return Zone(fold(name_from_text(self._client.entry(name_to_text(name)).zone)), ZoneRecord())
        try:
            return next((found for above in suffixes(name) if (found := self._zone(above)) is not None), None)
        except NotPermitted:
            return Zone(name, ZoneRecord())

    def entries(
        self, apex: Wire, start: Wire | None = None, *, limit: int | None = None, backwards: bool = False
    ) -> Iterator[Entry]:
        """See Backend; of a part, pages may be of different versions."""
        if start is None and not backwards and limit is None:
            return self._whole(apex)
        given = name_to_text(start) if start is not None else ""
        found = self._client.zone_entries(
            name_to_text(apex), start=given, direction="backward" if backwards else "forward"
        )
        return islice((_entry_of(each, apex) for each in found), limit)

    def _whole(self, apex: Wire) -> Iterator[Entry]:
        with tempfile.TemporaryDirectory(prefix="nsblast-") as folder:
            file = Path(folder) / "zone"
            with file.open("wb") as out:
                for piece in self._client.export_zone(name_to_text(apex)):
                    out.write(piece)
            zone = read_zone(file, apex, title=name_to_text(apex), spill_dir=folder)
            yield from (Entry(owner, blob) for _, owner, blob in zone.entries())

    def entry(self, name: Wire, apex_labels: Labels | None = None) -> Entry | None:
        """See Backend."""
        try:
            found = self._client.entry(name_to_text(name))
        except Missing:
            return None
        apex = fold(name_from_text(found.zone))
        if apex_labels is not None and apex_labels != labels(apex):
            raise InputError(f"over HTTP {name_to_text(name)} is of {found.zone}, the deepest zone that holds it")
        return _entry_of(found.entry, apex)

    def history(self, apex: Wire, *, after: CommitNumber = 0, limit: int | None = None) -> Iterator[Change]:
        """See Backend."""
        found = map(_change_of, self._client.zone_history(name_to_text(apex), limit=min(limit or 1000, 1000)))
        return islice((each for each in found if each.number > after), limit)

    # -- writing

    def apply(self, change: ChangeSet) -> Result:
        """See Backend."""
        (op,) = change.ops
        client, zone = self._client, name_to_text(change.apex)
        given: Writing = {"dry_run": change.dry_run, "diff": True}
        match op:
            case ReplaceZone():
                return self._replace(zone, op, given)
            case DeleteZone():
                return _result_of(client.delete_zone(zone, **given))
            case RevertZone():
                return _result_of(client.revert_zone(zone, op.serial, **given))
            case MergeRRsets() | AppendRRs():
                fresh = _json_of(op.rrsets)
                append = isinstance(op, AppendRRs)
                return _result_of(client.patch_entry(name_to_text(op.owner), fresh, append=append, **given))
            case DeleteName():
                return _result_of(client.delete_entry(name_to_text(op.owner), **given))
            case DeleteTypes():
                types = [type_member(number) for number in op.types]
                return _result_of(client.delete_entry(name_to_text(op.owner), types, **given))
            case DeleteRRs():
                return self._delete_rrs(op, given)
        raise UsageError(f"{type(op).__name__} cannot be done over HTTP")

    def apply_many(self, changes: Sequence[ChangeSet]) -> list[Result | NsblastError]:
        """See Backend; each is a request of its own."""
        results: list[Result | NsblastError] = []
        for change in changes:
            try:
                results.append(self.apply(change))
            except NsblastError as error:
                results.append(error)
        return results

    def create_zones(self, change: CreateZones) -> list[Result | NsblastError]:
        """See Backend; there is no request for many zones."""
        raise Conflict("over HTTP zones are made one by one")

    def tenant_id(self, ident: str) -> str:
        """See Backend."""
        return self._client.tenant_of(ident).id

    def _replace(self, zone: str, op: ReplaceZone, given: Writing) -> Result:
        with tempfile.SpooledTemporaryFile(max_size=_WHOLE) as file:
            write_zone(cast(Any, file), op.entries)
            size = file.tell()
            file.seek(0)
            text = file.read() if size <= _WHOLE else iter(lambda: file.read(1 << 16), b"")
            return _result_of(self._client.put_zone(zone, text, **given))

    def _delete_rrs(self, op: DeleteRRs, given: Writing) -> Result:
        """The API deletes whole types: what is to stay is put in the place of what there is, if nobody else was quicker."""
        name = name_to_text(op.owner)
        for left in reversed(range(_TRIES)):
            found = self._client.entry(name)
            rrsets = _rrsets_of(found.entry, fold(name_from_text(found.zone)))
            gone = {(one.type, rdata) for one in op.rrsets for rdata in one.rdatas}
            types = {one.type for one in op.rrsets}
            kept = [
                one._replace(rdatas=tuple(rdata for rdata in one.rdatas if (one.type, rdata) not in gone))
                for one in rrsets
                if one.type in types
            ]
            match: Writing = {**given, "if_match": found.etag}
            with suppress(*(Stale,) if left else ()):
                if not any(one.rdatas for one in kept):
                    members = [type_member(number) for number in sorted(types)]
                    return _result_of(self._client.delete_entry(name, members, **match))
                return _result_of(self._client.patch_entry(name, _json_of(one for one in kept if one.rdatas), **match))
        raise NotFound(f"{name} changes all the time")

    # -- the rest

    def command(self, op: str, **args: Any) -> Any:
        """See Backend."""
        if op == "status" and not args:
            return self._client.status()
        if op in ("zone_status", "zone_notify"):
            asked = self._client.zone_status if op == "zone_status" else self._client.notify_zone
            return msgspec.to_builtins(asked(name_to_text(args["apex"])))
        if op == "zone_transfer":
            servers = [shapes.Further(*one) for one in args["masters"]]
            return self._client.transfer_zone(name_to_text(args["apex"]), servers=servers, force=args["force"])
        raise UsageError(f"{op} cannot be done over HTTP")

    def close(self) -> None:
        """See Backend."""
        self._client.close()


def _zone_of(zone: shapes.Zone) -> Zone:
    record = ZoneRecord(
        kind=ZoneKind[zone.kind.upper()],
        tenant=zone.tenant,
        serial=zone.serial,
        created=zone.created,
        changed=zone.changed,
        names=zone.names,
    )
    return Zone(fold(name_from_text(zone.zone)), record)


def _json_of(rrsets: Any) -> shapes.Entry:
    return cast(shapes.Entry, show(rrsets))


def _rrsets_of(entry: shapes.Entry, apex: Wire) -> list[RRset]:
    form = msgspec.convert(entry, EntryForm)
    # Its serial is for reading only, so it stands in what the SOA is laid over.
    before = b"\0\0" + pack("!5I", entry["soa"]["serial"], 0, 0, 0, 0) if "soa" in entry else b""
    had = (RRset(SOA, 0, (before,)),) if before else ()
    return [one for one in read(form, apex).replaced(apex, had) if one.rdatas]


def _entry_of(entry: shapes.Entry, apex: Wire) -> Entry:
    spelled = name_from_text(entry["fqdn"])
    owner = fold(spelled)
    rrsets = [(one.type, one.ttl, list(one.rdatas)) for one in _rrsets_of(entry, apex)]
    spelling = spelled if spelled != owner else b""
    return Entry(owner, pack_entry(rrsets, apex_labels=labels(apex), flags=0, spelling=spelling))


def _rr_of(record: shapes.Record) -> Rr:
    number = type_number(record.type)
    return name_from_text(record.name), number, record.ttl, from_text(number, record.rdata)


def _diff_of(removed: list[shapes.Record] | None, added: list[shapes.Record] | None) -> Diff | None:
    if removed is None or added is None:
        return None
    return Diff(tuple(map(_rr_of, removed)), tuple(map(_rr_of, added)))


def _result_of(changed: shapes.Changed) -> Result:
    diff = _diff_of(changed.removed, changed.added)
    apex = fold(name_from_text(changed.zone))
    return Result(apex, 0, changed.serial_before, changed.serial, diff, changed.names_changed or 0)


def _change_of(one: shapes.Happened) -> Change:
    return Change(
        int(one.id.partition(".")[0]),
        one.serial_from or 0,
        one.serial_to or 0,
        one.time,
        one.user,
        one.address,
        one.comment,
        _diff_of(one.removed, one.added),
        one.what,
        one.before,
        one.after,
    )
