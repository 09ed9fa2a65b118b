"""Endpoints of zones: lists, contents in pages, making, replacing, deleting, export.

Owns: what these mean. Never: JSON of entries, rules of zones. Pages begin at a key, whatever their number: any costs what the first does.
A list that a role's filter thins out looks at SCAN zones at most, then ends its page with more = true.
"""

import struct
from collections.abc import Iterator
from typing import Any

from nsblast._core.name import fold
from nsblast._core.rrset import unpack_entry
from nsblast.access.may import ALL_TENANTS, Actor
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Acting, Answer, Call, Changing, Endpoint, Page, Paging
from nsblast.admin.entries import NS, SOA_TIMES, name_of, read, soa_rdata
from nsblast.admin.entries import SOA as SOA_TYPE
from nsblast.admin.entry_form import EntryForm, Soa
from nsblast.admin.entry_show import show
from nsblast.admin.export import stream_zone
from nsblast.admin.followers import will_remain
from nsblast.admin.reach import (
    check_match,
    commit,
    demand_primary,
    demand_whole,
    etag_after,
    guard_of,
    in_thread,
    name_given,
    name_in,
    told,
    without_strangers,
    zone_etag,
    zone_of,
)
from nsblast.backend import Zone
from nsblast.errors import Conflict, Forbidden, InputError
from nsblast.records import name_from_text, name_to_text, type_name
from nsblast.settings import Settings
from nsblast.store import layout
from nsblast.store.values_v1 import ZoneRecord
from nsblast.types import Rr, Wire
from nsblast.zones.build import entries_of
from nsblast.zones.collect import read_zone
from nsblast.zones.model import CreateZone, DeleteZone, PutName, ReplaceZone, RRset

SCAN = 20_000
_TEXT = "text/dns"


# -- lists


async def list_zones(call: Call) -> Answer:
    """GET /zone."""
    call.actor.demand(Permission.LIST_ZONES)
    return await in_thread(_zones, call, call.actor, call.query)


def _zones(call: Call, actor: Actor, query: Paging) -> Answer:
    start = fold(name_given(query.start, "from")) if query.start else None
    found: list[Any] = []
    names: list[str] = []
    looked_at = ""
    more = scanned = False
    for looked, (apex, record) in enumerate(_candidates(call, actor, start, query.backwards)):
        scanned = looked == SCAN
        if len(found) == query.limit or scanned:
            more = True
            break
        looked_at = name_to_text(apex)
        if actor.may(Permission.LIST_ZONES, apex):
            names.append(looked_at)
            found.append(_zone_item(looked_at, record, query, every=actor.tenant == ALL_TENANTS))
    first, last = (names[0], names[-1]) if names else ("", "")
    # A name that is not to be seen is told only where nothing else says how to go on.
    return Answer(found, page=Page(more, query.limit, first, looked_at if scanned else last))


def _candidates(call: Call, actor: Actor, start: Wire | None, backwards: bool) -> Iterator[Zone]:
    backend = call.site.backend
    if actor.tenant == ALL_TENANTS:
        return backend.zones(start, backwards=backwards)
    return backend.zones_of(actor.tenant, start, backwards=backwards)


def _zone_item(shown: str, record: ZoneRecord, query: Paging, *, every: bool) -> Any:
    tenant = {"tenant": record.tenant or layout.FIRST_TENANT}
    if query.kind == "id" or (query.kind == "default" and not every):
        return shown
    if query.kind == "default":
        return {"zone": shown, **tenant}
    brief = {"zone": shown, "serial": record.serial, "kind": record.kind.name.lower()}
    if query.kind == "brief":
        return {**brief, **tenant} if every else brief
    times = {"created": record.created, "changed": record.changed}
    return {**brief, **tenant, "names": record.names, **times, "etag": zone_etag(record)}


async def get_zone(call: Call) -> Answer:
    """GET /zone/{zone}."""
    apex = fold(name_in(call, "zone"))
    record = zone_of(call, apex, Permission.READ_ZONE)
    page = await in_thread(_entries, call, apex, call.query)
    return page._replace(etag=zone_etag(record))


def _entries(call: Call, apex: Wire, query: Paging) -> Answer:
    start = fold(name_given(query.start, "from")) if query.start else None
    if start is not None and apex not in layout.suffixes(start):
        raise InputError(f"from: {query.start!r} is not in {name_to_text(apex)}")
    found: list[Any] = []
    names: list[str] = []
    looked_at = ""
    looked = 0
    more = scanned = False
    for owner, blob in without_strangers(call, apex, call.site.backend.entries(apex, start, backwards=query.backwards)):
        scanned = looked == SCAN
        if len(found) == query.limit or scanned:
            more = True
            break
        looked += 1
        looked_at = name_to_text(owner)
        data = unpack_entry(blob)
        seen = call.actor.types_of(Permission.READ_ZONE, owner)
        rrsets = [one for one in data.rrsets if seen is None or one[0] in seen]
        if not rrsets:
            continue
        names.append(looked_at)
        spelled = data.spelling or owner
        if query.kind == "verbose":
            found.append(show(rrsets, spelled))
        elif query.kind == "id":
            found.append(name_to_text(spelled))
        else:
            types = list(dict.fromkeys(type_name(one[0]).lower() for one in rrsets))
            found.append({"fqdn": name_to_text(spelled), "types": types})
    first, last = (names[0], names[-1]) if names else ("", "")
    return Answer(found, page=Page(more, query.limit, first, looked_at if scanned else last))


# -- making


def first_soa(settings: Settings, form: Soa | None, apex: Wire, servers: list[bytes]) -> bytes:
    """The SOA of a new zone, serial 1: what the form says, and the rest by default."""
    if not servers and (form is None or not isinstance(form.mname, str)):
        raise InputError("soa.mname: none is given, there is no NS, and default_name_servers is not set")
    rname = name_from_text(settings.default_rname, apex if "." not in settings.default_rname else None)
    blank = (servers or [b"\0"])[0] + rname + struct.pack("!5I", 1, *SOA_TIMES.values())
    return blank if form is None else soa_rdata(form, apex, blank)


def first_rrsets(settings: Settings, form: EntryForm | None, apex: Wire) -> list[RRset]:
    """The apex of a new zone: what the form says, with SOA and NS by default."""
    given = read(form if form is not None else EntryForm(), apex)
    if not given.sets.get(NS):
        given.sets[NS] = [name_of(name, "default_name_servers", apex) for name in settings.default_name_servers]
        if not given.sets[NS]:
            raise InputError("ns: none is given, and default_name_servers is not set")
    soa = first_soa(settings, given.soa, apex, given.sets[NS])
    rrsets = given._replace(soa=None).replaced(apex, ())
    ttl = given.ttls.get((SOA_TYPE, 0), given.ttl)
    return [RRset(SOA_TYPE, rrsets[0].ttl if ttl is None else ttl, (soa,)), *(one for one in rrsets if one.rdatas)]


async def post_zone(call: Call) -> Answer:
    """POST /zone/{zone}."""
    owner = name_in(call, "zone")
    apex = fold(owner)
    call.accounts.demand_new_zone(call.actor, apex)
    call.actor.demand(Permission.CREATE_ZONE, apex)
    if call.site.backend.zone(apex) is not None:
        raise Conflict(f"there is a zone {name_to_text(apex)} already")
    _same_name(call.body, apex)
    rrsets = first_rrsets(call.site.settings, call.body, apex)
    ops = (CreateZone(tenant=call.actor.tenant), PutName(owner, tuple(rrsets)))
    try:
        result = await commit(call, apex, ops, None)
    except Conflict:
        raise Conflict(f"there is a zone {name_to_text(apex)} already") from None
    return await told(call, result, status=201, etag=etag_after(result, None))


def _same_name(form: EntryForm | None, apex: Wire) -> None:
    if form is not None and isinstance(form.fqdn, str) and fold(name_given(form.fqdn, "fqdn")) != apex:
        raise InputError(f"fqdn: {form.fqdn!r} is not {name_to_text(apex)}")


async def put_zone(call: Call) -> Answer:
    """PUT /zone/{zone}."""
    apex = fold(name_in(call, "zone"))
    call.accounts.demand_name(call.actor, apex) if call.site.backend.zone(apex) is not None else None
    record = call.site.backend.zone(apex)
    if record is None:
        call.accounts.demand_new_zone(call.actor, apex)
        call.actor.demand(Permission.CREATE_ZONE, apex)
    else:
        call.accounts.demand_name(call.actor, apex)
        call.actor.demand(Permission.UPDATE_ZONE, apex)
        demand_whole(call, apex)
        demand_primary(record, apex)
    check_match(call, zone_etag(record) if record is not None else None, apex)
    entries = await in_thread(_whole, call, apex, record)
    op = ReplaceZone(entries, tenant=call.actor.tenant)
    result = await commit(call, apex, (op,), guard_of(call, apex, record, match=True), "replaced whole")
    return await told(call, result, status=200 if record is not None else 201, etag=etag_after(result, record))


def _whole(call: Call, apex: Wire, record: ZoneRecord | None) -> Any:
    """The entries of a body, master file or JSON."""
    if call.body is None:
        if not call.raw:
            raise InputError("body: a zone is needed")
        settings = call.site.settings
        # A few octets of $GENERATE are worth no more than the body they stand for.
        zone = read_zone(
            call.raw,
            apex,
            title="body",
            memory=settings.import_memory,
            spill_dir=str(settings.db_path),
            generate_octets=settings.http_body_limit,
        )
        return zone.pairs()
    rrs: list[Rr] = []
    top = False
    for number, form in enumerate(call.body):
        place = f"body[{number}]"
        if not isinstance(form.fqdn, str):
            raise InputError(f"{place}.fqdn: the name is missing")
        owner = name_given(form.fqdn, f"{place}.fqdn")
        try:
            if fold(owner) == apex:
                top = True
                rrsets = _apex_rrsets(call, form, apex, record)
            else:
                rrsets = read(form, apex).replaced(apex, ())
        except InputError as error:
            raise InputError(f"{place} ({form.fqdn}): {error.message}") from None
        rrs += [(owner, one.type, one.ttl, rdata) for one in rrsets for rdata in one.rdatas]
    if not top:
        rrs += [(apex, o.type, o.ttl, rdata) for o in _apex_rrsets(call, None, apex, record) for rdata in o.rdatas]
    return list(entries_of(apex, rrs))


def _apex_rrsets(call: Call, form: EntryForm | None, apex: Wire, record: ZoneRecord | None) -> list[RRset]:
    if record is None:
        return first_rrsets(call.site.settings, form, apex)
    entry = call.site.backend.entry(apex)
    data = unpack_entry(entry.blob) if entry is not None else None
    had = tuple(RRset(one[0], one[1], tuple(one[2])) for one in data.rrsets) if data is not None else ()
    soa = [rrset for rrset in had if rrset.type == SOA_TYPE]
    if form is None:
        return soa
    rrsets = read(form, apex).replaced(apex, had)
    return rrsets if any(rrset.type == SOA_TYPE for rrset in rrsets) else [*soa, *rrsets]


async def delete_zone(call: Call) -> Answer:
    """DELETE /zone/{zone}."""
    apex = fold(name_in(call, "zone"))
    record = zone_of(call, apex, Permission.DELETE_ZONE)
    demand_whole(call, apex)
    check_match(call, zone_etag(record), apex)
    remains = await will_remain(call, [apex])
    result = await commit(call, apex, (DeleteZone(),), guard_of(call, apex, record, match=True))
    return await told(call, result, remains=remains)


async def export_zone(call: Call) -> Answer:
    """GET /zone/{zone}/export."""
    apex = fold(name_in(call, "zone"))
    record = zone_of(call, apex, Permission.READ_ZONE)
    demand_whole(call, apex)
    if not call.actor.may_below(Permission.READ_ZONE, apex):
        await in_thread(_demand_each, call, apex)
    chunks = stream_zone(call.site.backend, apex)
    file = "".join(letter if letter.isalnum() or letter in ".-_" else "_" for letter in name_to_text(apex))
    headers = {
        "content-type": f"{_TEXT}; charset=utf-8",
        "content-disposition": f'attachment; filename="{file}zone"',
    }
    return Answer(stream=chunks, headers=headers, etag=zone_etag(record))


def _demand_each(call: Call, apex: Wire) -> None:
    """Forbidden when some name of the zone, or some type at it, is not to be read: a part is no master file of the zone."""
    for entry in call.site.backend.entries(apex):
        if call.actor.types_of(Permission.READ_ZONE, entry.owner) is not None:
            raise Forbidden(f"not all of {name_to_text(apex)} is to be read by {call.actor.name}")


_THERE = {404: "there is no such zone"}
_CHANGED = {409: "the zone is a secondary", 412: "If-Match does not hold, or it was made or deleted meanwhile"}
ENDPOINTS = (
    Endpoint(
        method="GET", path="/zone", handler=list_zones, query=Paging, tag="zones", summary="Zones, in pages",
        answers={200: "names; with kind=brief {zone, serial, kind}; with tenant=* {zone, tenant}"},
    ),
    Endpoint(
        method="GET", path="/zone/{zone}", handler=get_zone, query=Paging, tag="zones", value=list[Any],
        summary="The entries of a zone, in pages; with kind=verbose their records",
        answers={200: "entries in canonical order", 304: "If-None-Match names the zone's ETag", **_THERE},
    ),
    Endpoint(
        method="POST", path="/zone/{zone}", handler=post_zone, query=Changing, body=EntryForm, tag="zones",
        summary="Make a zone; the body is its apex, SOA and NS by default",
        answers={200: "dry run", 201: "made", 409: "there is one already"},
    ),
    Endpoint(
        method="PUT", path="/zone/{zone}", handler=put_zone, query=Changing, body=list[EntryForm], tag="zones",
        media=("application/json", _TEXT), summary="Make or replace a whole zone, atomically",
        answers={200: "replaced, or dry run", 201: "made", **_CHANGED},
    ),
    Endpoint(
        method="DELETE", path="/zone/{zone}", handler=delete_zone, query=Changing, tag="zones",
        summary="Delete a zone with all that is in it", answers={200: "deleted", **_THERE, **_CHANGED, 409: "a catalog that is followed made it"},
    ),
    Endpoint(
        method="GET", path="/zone/{zone}/export", handler=export_zone, query=Acting, tag="zones", produces=_TEXT,
        summary="The zone as a master file", answers={200: "master file", **_THERE},
    ),
)  # fmt: skip
