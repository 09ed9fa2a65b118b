"""What endpoints about zones and names have in common: whose it is, whether it may be, whether it is what the asker last saw.

Owns: the order of these questions (another tenant's: 403; not permitted: 403; not there: 404), ETags, waiting for a change, what a
change answers. Never: JSON of entries, HTTP.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from nsblast.access.accounts import Owner
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Answer, Call, Writing
from nsblast.admin.followers import replicated
from nsblast.errors import Conflict, Forbidden, InputError, NotFound, Outdated
from nsblast.records import name_from_text, name_to_text, to_text, type_name
from nsblast.store import layout
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.types import Rr, Wire
from nsblast.zones.model import ChangeSet, Contents, Diff, Guard, Op, Result

T = TypeVar("T")
_Entry = TypeVar("_Entry", bound=tuple[Any, ...])
_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def name_in(call: Call, parameter: str) -> Wire:
    """The name in the path, as spelled; InputError when it is none."""
    return name_given(call.path[parameter], parameter)


def name_given(text: str, member: str) -> Wire:
    """A name as somebody gave it, absolute with or without its final dot."""
    try:
        octets = text.encode("utf-8", "surrogateescape")
        return name_from_text(octets)
    except UnicodeEncodeError:
        raise InputError(f"{member}: not a domain name: {text!r}") from None
    except InputError as error:
        raise InputError(f"{member}: {error.message}") from None


def in_thread(function: Callable[..., T], *args: Any) -> "asyncio.Future[T]":
    """What may take longer than the loop should wait."""
    return asyncio.get_running_loop().run_in_executor(None, function, *args)


# -- whose it is


def zone_of(call: Call, apex: Wire, permission: Permission) -> ZoneRecord:
    """The record of a zone the actor may do this to."""
    call.accounts.demand_name(call.actor, apex)
    call.actor.demand(permission, apex)
    record = call.site.backend.zone(apex)
    if record is None:
        raise NotFound(f"there is no zone {name_to_text(apex)}")
    return record


def owner_in(call: Call, name: Wire) -> Owner:
    """Whose a name is; NotFound when it lies in no zone."""
    return found(call.accounts.demand_name(call.actor, name), name)


def found(owner: Owner | None, name: Wire) -> Owner:
    """What demand_name() said of a name; NotFound when it lies in no zone."""
    if owner is None:
        raise NotFound(f"{name_to_text(name)} lies in no zone here")
    return owner


def strangers_in(call: Call, apex: Wire) -> list[Wire]:
    """Virtual zones inside a zone that belong to tenants other than the actor's."""
    return [name for tenant, name in call.accounts.given_in(apex) if not call.actor.owns(tenant)]


def without_strangers(call: Call, apex: Wire, entries: Iterable[_Entry]) -> Iterator[_Entry]:
    """Entries of a zone without those in virtual zones of tenants other than the actor's; of several the deepest counts."""
    given = {name: call.actor.owns(tenant) for tenant, name in call.accounts.given_in(apex)}
    whose = call.site.backend.zone(apex)
    mine = whose is None or call.actor.owns(whose.tenant or layout.FIRST_TENANT)
    for entry in entries:
        if next((given[name] for name in layout.suffixes(entry[0]) if name in given), mine) if given else mine:
            yield entry


def demand_whole(call: Call, apex: Wire) -> None:
    """Forbidden when part of the zone is given to another tenant: what is done to the whole would be done to that part."""
    strangers = strangers_in(call, apex)
    if strangers:
        raise Forbidden(f"{name_to_text(strangers[0])} in {name_to_text(apex)} is given to another tenant")


def demand_primary(record: ZoneRecord, apex: Wire) -> None:
    """Conflict for a zone whose contents come from its master."""
    if record.kind is ZoneKind.SECONDARY:
        raise Conflict(f"the contents of {name_to_text(apex)} come from its master")


# -- whether it is what was seen


def zone_etag(record: ZoneRecord) -> str:
    """Changes with whatever is done to the zone's contents."""
    return f"{record.incarnation}.{record.changed_in}"


def etag_after(result: Result, record: ZoneRecord | None) -> str | None:
    """The zone's ETag as a change left it. record: as it was when guard_of() was made."""
    if not result.number:  # nothing was to be changed
        return zone_etag(record) if record is not None else None
    return f"{record.incarnation if record is not None else result.number}.{result.number}"


def check_match(call: Call, etag: str | None, what: Wire) -> None:
    """Outdated unless If-Match, if sent, names this ETag; None = there is nothing."""
    header = call.header("if-match")
    if not header:
        return
    if (header.strip() == "*" and etag is not None) or (etag is not None and etag in _TAG.findall(header)):
        return
    raise Outdated(f"{name_to_text(what)} is not what If-Match {header} says")


def guard_of(call: Call, apex: Wire, record: ZoneRecord | None, *, match: bool = False) -> Guard:
    """Sees to it, inside the commit, that the zone is still the one that was asked about; with match also If-Match."""

    def guard(contents: Contents) -> None:
        now = contents.record
        if (now is None) != (record is None) or (
            now is not None
            and record is not None
            and (now.incarnation != record.incarnation or now.tenant != record.tenant)
        ):
            raise Outdated(f"{name_to_text(apex)} was made or deleted meanwhile")
        if match:
            check_match(call, zone_etag(now) if now is not None else None, apex)

    return guard


# -- changes


async def commit(call: Call, apex: Wire, ops: Iterable[Op], guard: Guard | None, comment: str = "") -> Result:
    """Check and commit; durable and visible in every worker when it returns."""
    change = ChangeSet(
        apex,
        tuple(ops),
        actor=call.actor.name,
        address=call.address,
        comment=comment,
        dry_run=isinstance(call.query, Writing) and call.query.dry_run,
        guard=guard,
    )
    return await call.site.backend.submit_in_loop(change, alone=call.site.alone())


async def told(
    call: Call, result: Result, *, status: int = 200, etag: str | None = None, remains: bool = False
) -> Answer:
    """What a change answers; a dry run is 200 and has the difference. remains: at secondaries, which are not told that it is gone."""
    query = call.query
    value: dict[str, Any] = {"zone": name_to_text(result.apex), "serial": result.serial}
    if query.dry_run or query.diff:
        value |= {
            "serial_before": result.serial_before,
            "dry_run": query.dry_run,
            "names_changed": result.names_changed,
        }
        value |= difference(result.diff)
    if query.dry_run:
        return Answer(value, etag=None)
    has = False if remains else await replicated(call, {result.apex: result.serial})
    return Answer(value, status, etag=etag, replicated=has)


def difference(diff: Diff | None) -> dict[str, Any]:
    """Records taken away and put in; null when they are too many to be told."""
    if diff is None:
        return {"removed": None, "added": None}
    return {"removed": [record(rr) for rr in diff.removed], "added": [record(rr) for rr in diff.added]}


def record(rr: Rr) -> dict[str, Any]:
    """One record."""
    name, rrtype, ttl, rdata = rr
    return {"name": name_to_text(name), "ttl": ttl, "type": type_name(rrtype), "rdata": to_text(rrtype, rdata)}
