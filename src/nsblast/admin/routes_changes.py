"""POST /changes: changes of several names and zones in one request; those of one zone all happen, or none.

Owns: the form of such a request, how it is parted into change-sets, what is told of each zone. Never: what one change means: that is what
the same method of /rr and /zone means, with the same permissions. All zones are committed together, in one group where it fits.
"""

import asyncio
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from nsblast._core.name import fold
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Answer, Call, Endpoint, Refused, Writing
from nsblast.admin.entries import Given, read, type_numbers
from nsblast.admin.entry_form import EntryForm
from nsblast.admin.envelope import status_of
from nsblast.admin.followers import replicated, will_remain
from nsblast.admin.reach import commit, demand_primary, demand_whole, difference, guard_of, name_given, owner_in
from nsblast.admin.routes_rr import NameEdit, without_types
from nsblast.admin.routes_zones import first_rrsets
from nsblast.errors import InputError, NotFound, NsblastError
from nsblast.records import name_to_text
from nsblast.store import layout
from nsblast.store.values_v1 import ZoneRecord
from nsblast.types import Wire
from nsblast.zones.model import CreateZone, DeleteZone, Op, PutName, Result

MOST = 10_000


class Change(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One change: of the name `fqdn`, or of the zone `zone` as a whole (POST and DELETE)."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    fqdn: str | UnsetType = UNSET
    zone: str | UnsetType = UNSET
    entry: EntryForm | UnsetType = UNSET
    types: Annotated[str, Meta(description="of a DELETE: only these types, a comma list")] | UnsetType = UNSET
    append: Annotated[bool, Meta(description="of a PATCH: add values")] = False


class Changes(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The whole request."""

    changes: Annotated[list[Change], Meta(min_length=1, max_length=MOST)]


class _Zone:
    """What is to be done to one zone."""

    def __init__(self, apex: Wire, record: ZoneRecord | None) -> None:
        self.apex = apex
        self.record = record
        self.ops: list[Op] = []


async def post_changes(call: Call) -> Answer:
    """POST /changes."""
    body: Changes | None = call.body
    if body is None:
        raise InputError("body: changes are needed")
    zones: dict[Wire, _Zone] = {}
    for number, change in enumerate(body.changes):
        try:
            _take(call, change, zones)
        except NsblastError as error:
            raise Refused(f"changes[{number}]: {error.message}", status=status_of(error)) from None
    every = list(zones.values())
    remains = await will_remain(call, [zone.apex for zone in every if isinstance(zone.ops[0], DeleteZone)])
    results = await asyncio.gather(
        *(commit(call, zone.apex, zone.ops, guard_of(call, zone.apex, zone.record), "changes") for zone in every),
        return_exceptions=True,
    )
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, NsblastError):
            raise result
    told = [_told(call, zone, result) for zone, result in zip(every, results, strict=True)]
    failed = [result for result in results if isinstance(result, NsblastError)]
    if not failed:
        serials = {result.apex: result.serial for result in results if isinstance(result, Result)}
        return Answer(told, replicated=False if remains else await replicated(call, serials))
    done = (
        "nothing was changed" if len(failed) == len(every) else f"{len(every) - len(failed)} other zones were changed"
    )
    return Answer(told, status_of(failed[0]), f"{failed[0].message}; {done}")


def _told(call: Call, zone: _Zone, result: Result | BaseException) -> dict[str, Any]:
    told: dict[str, Any] = {"zone": name_to_text(zone.apex)}
    if isinstance(result, NsblastError):
        return {**told, "rcode": status_of(result), "error": True, "message": result.message}
    assert isinstance(result, Result)
    told |= {"rcode": 200, "error": False, "message": "", "serial": result.serial}
    if call.query.dry_run:
        told |= {"serial_before": result.serial_before, "dry_run": True, **difference(result.diff)}
    return told


def _take(call: Call, change: Change, zones: dict[Wire, _Zone]) -> None:
    if (change.zone is UNSET) == (change.fqdn is UNSET):
        raise InputError("either fqdn or zone must be given")
    if isinstance(change.zone, str):
        _take_zone(call, change, name_given(change.zone, "zone"), zones)
    elif isinstance(change.fqdn, str):
        _take_name(call, change, name_given(change.fqdn, "fqdn"), zones)


def _take_zone(call: Call, change: Change, owner: Wire, zones: dict[Wire, _Zone]) -> None:
    apex = fold(owner)
    shown = name_to_text(apex)
    if apex in zones:
        raise InputError(f"zone: {shown} is spoken of before; its making comes first, its deletion stands alone")
    record = call.site.backend.zone(apex)
    if change.method == "POST":
        call.accounts.demand_new_zone(call.actor, apex)
        call.actor.demand(Permission.CREATE_ZONE, apex)
        zone = zones[apex] = _Zone(apex, None)
        form = change.entry if isinstance(change.entry, EntryForm) else None
        rrsets = first_rrsets(call.site.settings, form, apex)
        zone.ops += [CreateZone(tenant=call.actor.tenant), PutName(owner, tuple(rrsets))]
    elif change.method == "DELETE":
        call.accounts.demand_name(call.actor, apex)
        call.actor.demand(Permission.DELETE_ZONE, apex)
        if record is None:
            raise NotFound(f"there is no zone {shown}")
        demand_whole(call, apex)
        zones[apex] = _Zone(apex, record)
        zones[apex].ops.append(DeleteZone())
    else:
        raise InputError(f"method: a zone takes POST and DELETE here, not {change.method}")


def _take_name(call: Call, change: Change, owner: Wire, zones: dict[Wire, _Zone]) -> None:
    name = fold(owner)
    zone = _zone_for(call, name, zones)
    if zone.record is not None:
        demand_primary(zone.record, zone.apex)
    if change.method == "DELETE":
        types = type_numbers(change.types) if isinstance(change.types, str) else None
        call.actor.demand(Permission.DELETE_RR, name, types if types is not None else ())
        zone.ops.append(without_types(call, name, types, apex=name == zone.apex))
        return
    if not isinstance(change.entry, EntryForm):
        raise InputError("entry: it is needed")
    if change.method == "POST" and name == zone.apex:
        raise InputError(f"{name_to_text(name)} is the apex of a zone: its entry is changed, not made")
    given: Given = read(change.entry, zone.apex)
    edit = NameEdit(call, zone.apex, owner, change.method, given, append=change.append)
    edit.demand_any()
    zone.ops.append(edit.op())


def _zone_for(call: Call, name: Wire, zones: dict[Wire, _Zone]) -> _Zone:
    """The deepest zone a name lies in, those that are made here among them."""
    made = next((one for one in layout.suffixes(name) if one in zones and zones[one].record is None), None)
    there = call.accounts.owner_of(name)
    if made is not None and (there is None or len(made) > len(there.zone)):
        return zones[made]
    apex = owner_in(call, name).zone
    if apex not in zones:
        record = call.site.backend.zone(apex)
        if record is None:
            raise NotFound(f"there is no zone {name_to_text(apex)}")
        zones[apex] = _Zone(apex, record)
    return zones[apex]


ENDPOINTS = (
    Endpoint(
        method="POST", path="/changes", handler=post_changes, query=Writing, body=Changes, tag="zones",
        summary="Change several names and zones; all or nothing for each zone",
        answers={
            200: "every zone is changed, or dry run", 404: "a zone or name is not there", 409: "conflict in some zone",
            412: "a zone was made or deleted meanwhile",
        },
    ),
)  # fmt: skip
