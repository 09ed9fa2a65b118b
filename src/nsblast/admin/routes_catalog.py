"""Endpoints of catalog zones (RFC 9432): that a zone is one, in which a zone is a member, what a catalog holds and how it fares.

Owns: the forms, who may set them. Never: what comes of them (transfer/catalogs.py). A catalog of all tenants' zones takes who may act in
other tenants; following a catalog takes who may make and delete any zone of the tenant, since the catalog does.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from nsblast._core.name import fold
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Acting, Answer, Call, Endpoint, Page, Paging, Writing
from nsblast.admin.reach import in_thread, name_in, zone_of
from nsblast.admin.routes_config import Master, store_setting
from nsblast.admin.routes_config import _checked as checked_master
from nsblast.errors import Conflict, InputError, NotFound
from nsblast.records import name_to_text
from nsblast.store.layout import CATALOG_SETTING
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer import catalog_settings
from nsblast.transfer.catalog import Broken, Member, members, zones_of
from nsblast.transfer.catalog_settings import MEMBERSHIP, Membership
from nsblast.transfer.rules import Act, checked
from nsblast.types import Wire

_EVERYWHERE: Wire = b"\0"
"""A name that only permissions without a filter cover."""


class TemplateForm(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What zones that a catalog makes are set up with."""

    master: Master | UnsetType = UNSET
    """Not given: the catalog's own."""
    access: Annotated[dict[str, list[str]], Meta(description="as of /config/{zone}/access")] | UnsetType = UNSET


class CatalogForm(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A catalog: made here (producer) or followed (consumer)."""

    role: Literal["producer", "consumer"]
    of: Annotated[Literal["all", "tenant", "named"], Meta(description="which zones, of a producer")] | UnsetType = UNSET
    template: TemplateForm | UnsetType = UNSET
    groups: Annotated[dict[str, TemplateForm], Meta(description="by the group property, of a consumer")] | UnsetType = (
        UNSET
    )


class CatalogBody(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The whole configuration."""

    catalog: CatalogForm


class MembershipBody(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The whole configuration."""

    membership: Membership


def _zone(call: Call) -> tuple[Wire, ZoneRecord]:
    apex = fold(name_in(call, "zone"))
    return apex, zone_of(call, apex, Permission.CONFIG_SLAVE)


def _body(call: Call) -> Any:
    if call.body is None:
        raise InputError("body: missing")
    return call.body


# -- catalogs


async def get_catalog(call: Call) -> Answer:
    """GET /config/{zone}/catalog."""
    apex, record = _zone(call)
    if CATALOG_SETTING not in record.settings:
        raise NotFound(f"{name_to_text(apex)} is no catalog")
    return Answer({"catalog": record.settings[CATALOG_SETTING]})


async def put_catalog(call: Call) -> Answer:
    """PUT /config/{zone}/catalog."""
    apex, record = _zone(call)
    form: CatalogForm = _body(call).catalog
    status = 200 if CATALOG_SETTING in record.settings else 201
    return await store_setting(call, apex, record, CATALOG_SETTING, _stored(call, apex, record, form), status=status)


def _stored(call: Call, apex: Wire, record: ZoneRecord, form: CatalogForm) -> dict[str, Any]:
    """As it is stored; errors name the member."""
    shown = name_to_text(apex)
    if form.role == "producer":
        if record.kind is not ZoneKind.PRIMARY:
            raise Conflict(f"{shown} has a master: a catalog is made in a zone that has none")
        if form.of is UNSET:
            raise InputError("catalog.of: which zones? all, tenant or named", member="catalog.of")
        if form.template is not UNSET or form.groups is not UNSET:
            raise InputError("catalog: template and groups are a consumer's", member="catalog")
        if form.of == "all":
            call.actor.demand(Permission.IMPERSONATE_TENANT)
        return {"role": "producer", "of": form.of}
    if record.kind is not ZoneKind.SECONDARY:
        raise Conflict(f"{shown} has no master: a catalog that is followed is transferred from one")
    if form.of is not UNSET:
        raise InputError("catalog.of: is a producer's", member="catalog.of")
    for permission in (Permission.CREATE_ZONE, Permission.DELETE_ZONE):
        call.actor.demand(permission, _EVERYWHERE)
    told: dict[str, Any] = {"role": "consumer"}
    if form.template is not UNSET:
        told["template"] = _template(call, form.template, "catalog.template")
    if form.groups is not UNSET:
        if len(form.groups) > catalog_settings.GROUPS_MOST:
            raise InputError(f"catalog.groups: more than {catalog_settings.GROUPS_MOST}", member="catalog.groups")
        told["groups"] = {name: _template(call, one, f"catalog.groups.{name}") for name, one in form.groups.items()}
    return told


def _template(call: Call, form: TemplateForm, where: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if form.master is not UNSET:
        told["master"] = checked_master(call, form.master)
    if form.access is not UNSET:
        acts = {act.value for act in Act}
        for name, items in form.access.items():
            if name not in acts:
                raise InputError(f"{where}.access: {name!r} is none of {', '.join(sorted(acts))}", member=where)
            told.setdefault("access", {})[name] = checked(items, f"{where}.access.{name}")
    return told


async def delete_catalog(call: Call) -> Answer:
    """DELETE /config/{zone}/catalog."""
    apex, record = _zone(call)
    if CATALOG_SETTING not in record.settings:
        raise NotFound(f"{name_to_text(apex)} is no catalog")
    return await store_setting(call, apex, record, CATALOG_SETTING, None)


async def get_status(call: Call) -> Answer:
    """GET /zone/{zone}/catalog."""
    apex = fold(name_in(call, "zone"))
    zone_of(call, apex, Permission.READ_ZONE)
    found = call.site.parts["catalogs"].status(apex)
    if found is None:
        raise NotFound(f"{name_to_text(apex)} is no catalog")
    return Answer(found)


async def list_members(call: Call) -> Answer:
    """GET /zone/{zone}/members."""
    apex = fold(name_in(call, "zone"))
    record = zone_of(call, apex, Permission.READ_ZONE)
    if CATALOG_SETTING not in record.settings:
        raise NotFound(f"{name_to_text(apex)} is no catalog")
    query: Paging = call.query
    if query.backwards:
        raise InputError("direction: members are listed forward only", member="direction")
    return await in_thread(_members, call, apex, query)


def _members(call: Call, apex: Wire, query: Paging) -> Answer:
    start = None
    if query.start:
        label = query.start.encode("utf-8", "surrogateescape")
        if len(label) > 63:
            raise InputError(f"from: {query.start!r} is no label", member="from")
        # Behind all that stands at and below that label.
        start = b"\1\xff" + bytes((len(label),)) + label + zones_of(apex)
    entries = call.site.backend.entries(apex, start, below=zones_of(apex))
    found: list[Member] = []
    try:
        for member in members(apex, ((owner, blob) for owner, blob in entries)):
            found.append(member)
            if len(found) > query.limit:
                break
    except Broken as error:
        raise Conflict(f"{name_to_text(apex)} is broken: {error.message}") from None
    page = found[: query.limit]
    keys = [member.label[1:].decode("utf-8", "surrogateescape") for member in page]
    return Answer(
        [_shown(member) for member in page],
        page=Page(len(found) > query.limit, query.limit, keys[0] if keys else "", keys[-1] if keys else ""),
    )


def _shown(member: Member) -> dict[str, Any]:
    return {
        "zone": name_to_text(member.zone),
        "label": member.label[1:].decode("ascii", "backslashreplace"),
        "groups": [group.decode("utf-8", "replace") for group in member.groups],
        "coo": name_to_text(member.coo) if member.coo is not None else "",
    }


# -- members


async def get_membership(call: Call) -> Answer:
    """GET /config/{zone}/membership."""
    _, record = _zone(call)
    return Answer({"membership": record.settings.get(MEMBERSHIP, {})})


async def put_membership(call: Call) -> Answer:
    """PUT /config/{zone}/membership."""
    apex, record = _zone(call)
    told = catalog_settings.checked_membership(_body(call).membership)
    return await store_setting(call, apex, record, MEMBERSHIP, told)


async def delete_membership(call: Call) -> Answer:
    """DELETE /config/{zone}/membership."""
    apex, record = _zone(call)
    return await store_setting(call, apex, record, MEMBERSHIP, None)


class MemberShown(msgspec.Struct):
    """One member of a catalog."""

    zone: str
    label: str
    groups: list[str]
    coo: str


_NONE = {404: "there is no such zone, or it is no catalog"}
_CHANGED = {412: "the zone was changed meanwhile"}
ENDPOINTS = (
    Endpoint(
        method="GET", path="/config/{zone}/catalog", handler=get_catalog, query=Acting, tag="zones", value=CatalogBody,
        summary="A zone as a catalog (RFC 9432)", answers={200: "what it is", **_NONE},
    ),
    Endpoint(
        method="PUT", path="/config/{zone}/catalog", handler=put_catalog, query=Writing, body=CatalogBody, tag="zones",
        summary="Make a zone a catalog: one of zones here, or one that is followed",
        answers={200: "replaced", 201: "made", 404: "no such zone", 409: "it has a master, or none", **_CHANGED},
    ),
    Endpoint(
        method="DELETE", path="/config/{zone}/catalog", handler=delete_catalog, query=Writing, tag="zones",
        summary="Make it an ordinary zone; its records, and the zones it made, stay", answers={200: "done", **_NONE, **_CHANGED},
    ),
    Endpoint(
        method="GET", path="/zone/{zone}/catalog", handler=get_status, query=Acting, tag="zones",
        summary="How a catalog fares", answers={200: "its state, and members that could not be made", **_NONE},
    ),
    Endpoint(
        method="GET", path="/zone/{zone}/members", handler=list_members, query=Paging, tag="zones", value=list[MemberShown],
        summary="Members of a catalog, by label", answers={200: "a page", 409: "the catalog is broken", **_NONE},
    ),
    Endpoint(
        method="GET", path="/config/{zone}/membership", handler=get_membership, query=Acting, tag="zones",
        value=MembershipBody, summary="In which catalogs a zone is", answers={200: "what is set", 404: "no such zone"},
    ),
    Endpoint(
        method="PUT", path="/config/{zone}/membership", handler=put_membership, query=Writing, body=MembershipBody,
        tag="zones", summary="Set in which catalogs a zone is, its group and the catalog it goes to",
        answers={200: "set", 404: "no such zone", **_CHANGED},
    ),
    Endpoint(
        method="DELETE", path="/config/{zone}/membership", handler=delete_membership, query=Writing, tag="zones",
        summary="Leave it to the catalogs", answers={200: "done", 404: "no such zone", **_CHANGED},
    ),
)  # fmt: skip
