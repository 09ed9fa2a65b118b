"""What the database answers, in the words of people and of JSON: wire form in, presentation form out.

Owns: the members of the --json documents of the data commands, and the lines that stand for them. Never: asking, printing.
A record is one master file line, or {"name", "ttl", "type", "rdata"}; times are UTC in ISO 8601; names end with a dot.
"""

import datetime
from collections.abc import Iterable, Iterator
from typing import Any

from nsblast._core.rrset import unpack_entry
from nsblast.backend import Change, Entry, Zone
from nsblast.records import name_to_text, to_text, type_name
from nsblast.types import RawRrset, Rr, Wire
from nsblast.zones.model import Diff, Result


def time_text(seconds: float) -> str:
    """Seconds since 1970 as 2026-01-31T12:00:00Z."""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).isoformat().replace("+00:00", "Z")


# -- records


def rr_line(rr: Rr) -> str:
    """One record as a master file line."""
    name, rrtype, ttl, rdata = rr
    return f"{name_to_text(name)} {ttl} IN {type_name(rrtype)} {to_text(rrtype, rdata)}"


def rr_members(rr: Rr) -> dict[str, Any]:
    """One record for JSON."""
    name, rrtype, ttl, rdata = rr
    return {"name": name_to_text(name), "ttl": ttl, "type": type_name(rrtype), "rdata": to_text(rrtype, rdata)}


def rrs_of(owner: Wire, rrsets: Iterable[RawRrset]) -> Iterator[Rr]:
    """The records of one name, its spelling as given."""
    return ((owner, rrtype, ttl, rdata) for rrtype, ttl, rdatas in rrsets for rdata in rdatas)


def entry_rrs(entry: Entry) -> Iterator[Rr]:
    """The records of a stored entry, in its stored spelling."""
    data = unpack_entry(entry.blob)
    return rrs_of(data.spelling or entry.owner, data.rrsets)


def rrset_members(rrsets: Iterable[RawRrset]) -> list[dict[str, Any]]:
    """RRsets of one name for JSON."""
    return [
        {"type": type_name(rrtype), "ttl": ttl, "rdata": [to_text(rrtype, rdata) for rdata in rdatas]}
        for rrtype, ttl, rdatas in rrsets
    ]


# -- zones


def zone_members(zone: Zone) -> dict[str, Any]:
    """A zone for JSON."""
    record = zone.record
    return {
        "zone": name_to_text(zone.apex),
        "serial": record.serial,
        "kind": record.kind.name.lower(),
        "tenant": record.tenant,
        "names": record.names,
        "created": time_text(record.created),
        "changed": time_text(record.changed),
    }


def zone_lines(zone: Zone) -> Iterator[str]:
    """A zone for people."""
    members = zone_members(zone)
    for label in ("zone", "serial", "kind", "tenant", "names", "created", "changed"):
        if members[label] != "":
            yield f"{label:<8} {members[label]}"


# -- changes


def has_changed(result: Result) -> bool:
    """Whether a change (or, in a dry run, what would be one) altered anything."""
    return bool(result.names_changed or result.serial_before != result.serial)


def result_members(result: Result, dry_run: bool) -> dict[str, Any]:
    """What came of a change, for JSON; removed and added are null when they were too many to be kept."""
    diff = result.diff
    return {
        "zone": name_to_text(result.apex),
        "serial_before": result.serial_before,
        "serial": result.serial,
        "changed": has_changed(result),
        "dry_run": dry_run,
        "names_changed": result.names_changed,
        "removed": None if diff is None else [rr_members(rr) for rr in diff.removed],
        "added": None if diff is None else [rr_members(rr) for rr in diff.added],
    }


def result_lines(result: Result, dry_run: bool) -> Iterator[str]:
    """What came of a change, for people: the difference, then the serials."""
    zone = name_to_text(result.apex)
    if not has_changed(result):
        yield f"{zone} stays as it is, serial {result.serial}"
        return
    yield from diff_lines(result.diff)
    before, after, names = result.serial_before, result.serial, _names(result.names_changed)
    verb = "would be" if dry_run else "is"
    if after is None:
        yield f"{zone} {verb} deleted, {names}"
    elif before is None:
        yield f"{zone} {verb} made, {names}, serial {after}"
    else:
        yield f"{zone} {verb} changed at {names}, serial {before} to {after}"


def diff_lines(diff: Diff | None) -> Iterator[str]:
    """Records taken away and put in."""
    if diff is not None:
        for sign, rrs in (("-", diff.removed), ("+", diff.added)):
            for rr in rrs:
                yield f"{sign} {rr_line(rr)}"


def history_members(change: Change) -> dict[str, Any]:
    """One change-set of a zone's history for JSON; removed and added are null when they were too many to be kept."""
    diff = change.diff
    return {
        "serial_from": change.serial_from,
        "serial_to": change.serial_to,
        "time": time_text(change.time),
        "actor": change.actor,
        "address": change.address,
        "comment": change.comment,
        "what": change.what,
        "before": change.before,
        "after": change.after,
        "removed": None if diff is None else [rr_members(rr) for rr in diff.removed],
        "added": None if diff is None else [rr_members(rr) for rr in diff.added],
    }


def history_lines(change: Change, records: bool) -> Iterator[str]:
    """One change-set of a zone's history for people."""
    diff = change.diff
    counts = "too large to be kept" if diff is None else f"-{len(diff.removed)} +{len(diff.added)}"
    who = " ".join(part for part in (change.actor, change.address, change.comment) if part)
    serials = f"{change.serial_from} to {change.serial_to}"
    if change.what != "changed":
        serials = f"{change.what}, serial {change.serial_to}"
    yield f"{time_text(change.time)}  {serials}  {counts}  {who}".rstrip()
    if records:
        yield from diff_lines(diff)


def _names(number: int) -> str:
    return f"{number} name{'' if number == 1 else 's'}"
