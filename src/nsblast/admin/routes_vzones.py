"""Endpoints of virtual zones: subtrees of zones that are given to another tenant, without a zone cut.

Owns: what these mean. Never: whose a name is (access/accounts.py). The tenant a zone belongs to gives away and takes back; the tenant that
was given a subtree sees it like a zone of its own. Records stay when a virtual zone is deleted.
"""

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from nsblast._core.name import fold
from nsblast._core.rrset import unpack_entry
from nsblast.access.changes import AccountChange, Delete, Put
from nsblast.access.may import ALL_TENANTS
from nsblast.access.permissions import Permission
from nsblast.access.records_v1 import Vzone
from nsblast.admin.calls import Answer, Call, Endpoint, Page, Paging, Writing
from nsblast.admin.entry_show import show
from nsblast.admin.reach import in_thread, name_given, name_in, without_strangers
from nsblast.errors import Forbidden, InputError, NotFound
from nsblast.records import name_from_text, name_to_text, type_name
from nsblast.store import layout
from nsblast.types import Wire
from nsblast.zones.model import Expect


class VzoneForm(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """To whom the subtree is given."""

    tenant: str


class VzoneListing(Paging, kw_only=True, frozen=True):
    """GET /vzone."""

    given: Annotated[bool, Meta(description="those that the tenant gave away, instead of those it was given")] = False


async def list_vzones(call: Call) -> Answer:
    """GET /vzone."""
    query: VzoneListing = call.query
    after = name_to_text(fold(name_given(query.start, "from"))) if query.start else ""
    found: list[Any] = []
    names: list[str] = []
    more = False
    wanted = call.accounts.vzones_by if query.given else call.accounts.vzones
    for vzone in wanted(call.actor.tenant, after=after, backwards=query.backwards):
        if not call.actor.may(Permission.LIST_VZONES, fold(name_from_text(vzone.name))):
            continue
        if len(found) == query.limit:
            more = True
            break
        names.append(vzone.name)
        plain = query.kind == "id" or (query.kind == "default" and call.actor.tenant != ALL_TENANTS)
        found.append(vzone.name if plain else {"vzone": vzone.name, "zone": vzone.zone, "tenant": vzone.tenant})
    return Answer(found, page=Page(more, query.limit, names[0] if names else "", names[-1] if names else ""))


def _found(call: Call, name: Wire, permission: Permission, *, giver: bool) -> Vzone:
    """The virtual zone; giver: only the tenant of the zone around it may do this."""
    vzone = call.accounts.vzone(name)
    owner = call.accounts.owner_of(name)
    zone = call.site.backend.zone(owner.zone) if owner is not None else None
    around = (zone.tenant or layout.FIRST_TENANT) if zone is not None else None
    mine = around is not None and call.actor.owns(around)
    if around is not None and not mine and (giver or vzone is None or not call.actor.owns(vzone.tenant)):
        raise Forbidden(f"{name_to_text(name)} is not within reach of {call.actor.name}")
    call.actor.demand(permission, name)
    if vzone is None:
        raise NotFound(f"there is no virtual zone {name_to_text(name)}")
    return vzone


async def get_vzone(call: Call) -> Answer:
    """GET /vzone/{vzone}."""
    name = fold(name_in(call, "vzone"))
    vzone = _found(call, name, Permission.READ_VZONE, giver=False)
    return await in_thread(_entries, call, name, fold(name_from_text(vzone.zone)), call.query)


def _entries(call: Call, name: Wire, apex: Wire, query: Paging) -> Answer:
    start = fold(name_given(query.start, "from")) if query.start else None
    if start is not None and name not in layout.suffixes(start):
        raise InputError(f"from: {query.start!r} is not in {name_to_text(name)}")
    found: list[Any] = []
    names: list[str] = []
    more = False
    below = call.site.backend.entries(apex, start, below=name, backwards=query.backwards)
    for owner, blob in without_strangers(call, apex, below):
        data = unpack_entry(blob)
        seen = call.actor.types_of(Permission.READ_VZONE, owner)
        rrsets = [one for one in data.rrsets if seen is None or one[0] in seen]
        if not rrsets:
            continue
        if len(found) == query.limit:
            more = True
            break
        spelled = data.spelling or owner
        names.append(name_to_text(owner))
        if query.kind == "verbose":
            found.append(show(rrsets, spelled))
        elif query.kind == "id":
            found.append(name_to_text(spelled))
        else:
            types = list(dict.fromkeys(type_name(one[0]).lower() for one in rrsets))
            found.append({"fqdn": name_to_text(spelled), "types": types})
    return Answer(found, page=Page(more, query.limit, names[0] if names else "", names[-1] if names else ""))


async def _give(call: Call, expect: Expect, permission: Permission) -> Answer:
    name = fold(name_in(call, "vzone"))
    form: VzoneForm | None = call.body
    if form is None:
        raise InputError("body: the tenant is needed")
    owner = call.accounts.owner_of(name)
    zone = call.site.backend.zone(owner.zone) if owner is not None else None
    if zone is not None and not call.actor.owns(zone.tenant or layout.FIRST_TENANT):
        raise Forbidden(f"{name_to_text(name)} is not within reach of {call.actor.name}")
    call.actor.demand(permission, name)
    if owner is None or zone is None:
        raise NotFound(f"{name_to_text(name)} lies in no zone here")
    tenant = call.accounts.tenant(form.tenant)
    if tenant is None:
        raise InputError(f"tenant: there is no tenant {form.tenant!r}")
    had = call.accounts.vzone(name)
    record = Vzone(
        tenant=tenant.id, name=name_to_text(name), zone=name_to_text(owner.zone), incarnation=zone.incarnation
    )
    ops: list[Any] = [Put(record, expect)]
    if expect is Expect.ANY and had is not None and had.tenant != tenant.id:
        ops = [Delete(Vzone, had.name), Put(record, Expect.ABSENT)]
    await _apply(call, *ops)
    value = {"vzone": record.name, "zone": record.zone, "tenant": record.tenant}
    return Answer(value, status=200 if had is not None or call.query.dry_run else 201)


async def _apply(call: Call, *ops: Any) -> None:
    change = AccountChange(tuple(ops), actor=call.actor.name, address=call.address, dry_run=call.query.dry_run)
    await asyncio.wrap_future(call.accounts.submit(change))


async def post_vzone(call: Call) -> Answer:
    """POST /vzone/{vzone}."""
    return await _give(call, Expect.ABSENT, Permission.CREATE_VZONE)


async def put_vzone(call: Call) -> Answer:
    """PUT /vzone/{vzone}."""
    there = call.accounts.vzone(fold(name_in(call, "vzone"))) is not None
    return await _give(call, Expect.ANY, Permission.UPDATE_VZONE if there else Permission.CREATE_VZONE)


async def delete_vzone(call: Call) -> Answer:
    """DELETE /vzone/{vzone}."""
    name = fold(name_in(call, "vzone"))
    vzone = _found(call, name, Permission.DELETE_VZONE, giver=True)
    await _apply(call, Delete(Vzone, vzone.name))
    return Answer({"vzone": vzone.name, "zone": vzone.zone})


_THERE = {404: "there is no such virtual zone"}
ENDPOINTS = (
    Endpoint(
        method="GET", path="/vzone", handler=list_vzones, query=VzoneListing, permission=Permission.LIST_VZONES, tag="vzones",
        summary="Virtual zones that the tenant was given, or (given=true) gave away, in pages", answers={200: "names; with kind=brief whose and where"},
    ),
    Endpoint(
        method="GET", path="/vzone/{vzone}", handler=get_vzone, query=Paging, tag="vzones",
        summary="The entries of a virtual zone, in pages", answers={200: "entries in canonical order", **_THERE},
    ),
    Endpoint(
        method="POST", path="/vzone/{vzone}", handler=post_vzone, query=Writing, body=VzoneForm, tag="vzones",
        summary="Give a subtree of a zone to another tenant",
        answers={200: "dry run", 201: "given", 404: "the name lies in no zone", 409: "it is given already, or is a zone"},
    ),
    Endpoint(
        method="PUT", path="/vzone/{vzone}", handler=put_vzone, query=Writing, body=VzoneForm, tag="vzones",
        summary="Give a subtree, or give it to another tenant",
        answers={200: "given to another", 201: "given", 404: "the name lies in no zone", 409: "it is a zone"},
    ),
    Endpoint(
        method="DELETE", path="/vzone/{vzone}", handler=delete_vzone, query=Writing, tag="vzones",
        summary="Take a subtree back; its records stay", answers={200: "taken back", **_THERE},
    ),
)  # fmt: skip
