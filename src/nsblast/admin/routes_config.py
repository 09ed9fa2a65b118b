"""Endpoints of configuration: the master of a zone that is a secondary, who may do what to a zone over DNS, what is logged.

Owns: the forms, and that a wrong one changes nothing. Never: transfers (transfer/), which read what is stored here from the zone's record.
Log settings are switched until the next start, as by `nsblast config`; files are named by the server's own settings only.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from nsblast._core.name import fold
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Acting, Answer, Call, Endpoint, Nothing, Writing
from nsblast.admin.entries import is_host
from nsblast.admin.reach import commit, demand_whole, guard_of, name_given, name_in, zone_of
from nsblast.errors import Conflict, InputError, NotFound, Outdated
from nsblast.records import name_to_text
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer.hosts import literal
from nsblast.transfer.masters import MASTERS_MOST
from nsblast.transfer.rules import SETTING, Act, checked
from nsblast.types import Wire
from nsblast.zones.model import ConfigureZone, Contents, CreateZone


class Further(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True, omit_defaults=False):
    """A master that is asked when those before it do not do what they should."""

    hostname: Annotated[str, Meta(min_length=1, max_length=255, description="name or address")]
    port: Annotated[int, Meta(ge=1, le=65535)] = 53
    tsig: Annotated[str, Meta(description="name of the key; empty = none")] = ""


Also = Annotated[list[Further], Meta(max_length=MASTERS_MOST - 1, description="further masters, asked in this order")]


class Master(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True, omit_defaults=False):
    """Where a zone is transferred from."""

    hostname: Annotated[str, Meta(min_length=1, max_length=255, description="name or address")]
    port: Annotated[int, Meta(ge=1, le=65535)] = 53
    refresh: Annotated[int, Meta(ge=1, le=0x7FFFFFFF, description="seconds between two looks at its serial")] = 600
    strategy: Literal["axfr", "ixfr"] = "ixfr"
    tsig: Annotated[str, Meta(description="name of the key; empty = none")] = ""
    also: Also = []


class MasterForm(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The whole configuration."""

    master: Master


class MasterPart(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What is to change."""

    hostname: Annotated[str, Meta(min_length=1, max_length=255)] | UnsetType = UNSET
    port: Annotated[int, Meta(ge=1, le=65535)] | UnsetType = UNSET
    refresh: Annotated[int, Meta(ge=1, le=0x7FFFFFFF)] | UnsetType = UNSET
    strategy: Literal["axfr", "ixfr"] | UnsetType = UNSET
    tsig: str | UnsetType = UNSET
    also: Also | UnsetType = UNSET


class MasterPatch(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Parts of the configuration."""

    master: MasterPart


def _zone(call: Call) -> tuple[Wire, ZoneRecord, dict[str, Any] | None]:
    apex = fold(name_in(call, "zone"))
    record = zone_of(call, apex, Permission.CONFIG_SLAVE)
    return apex, record, record.settings.get("master")


async def get_master(call: Call) -> Answer:
    """GET /config/{zone}/master."""
    apex, _, master = _zone(call)
    if master is None:
        raise NotFound(f"{name_to_text(apex)} has no master")
    return Answer({"master": {"also": [], **master}})


def _checked(call: Call, master: Master) -> dict[str, Any]:
    """As it is stored."""
    plain: dict[str, Any] = msgspec.to_builtins(master)
    check_master(call, plain, "master")
    for number, one in enumerate(plain["also"]):
        check_master(call, one, f"master.also[{number}]")
    return plain


def check_master(call: Call, one: dict[str, Any], member: str) -> None:
    """A master's host and key; the key gets the spelling it has in the store."""
    host = one["hostname"]
    if literal(host) is None and (host.replace(".", "").isdigit() or not is_host(host)):
        raise InputError(f"{member}.hostname: {host!r} is neither a host's name nor an address")
    one["tsig"] = key_named(call, one["tsig"], f"{member}.tsig")


def key_named(call: Call, given: str, member: str) -> str:
    """The name of a TSIG key as it is stored, "" for none; InputError when the actor has no such key."""
    if not given:
        return ""
    name = name_to_text(fold(name_given(given, member)))
    key = call.accounts.tsig_key(name)
    if key is None or not call.actor.owns(key.tenant):
        raise InputError(f"{member}: there is no key {given!r}")
    return name


async def store_setting(
    call: Call,
    apex: Wire,
    record: ZoneRecord,
    setting: str,
    value: Any,
    *,
    kind: ZoneKind | None = None,
    status: int = 200,
    empty: bool = False,
) -> Answer:
    """Commit one setting of a zone, the others as they were; an empty value takes it away, unless `empty` says that it is one.

    Outdated when another change came first.
    """
    demand_whole(call, apex)
    settings = {name: old for name, old in record.settings.items() if name != setting}
    if value or (empty and value is not None):
        settings[setting] = value
    same = guard_of(call, apex, record)

    def guard(contents: Contents) -> None:
        same(contents)
        if contents.record is not None and contents.record.settings != record.settings:
            raise Outdated(f"the settings of {name_to_text(apex)} were changed meanwhile")

    result = await commit(call, apex, (ConfigureZone(kind, None, settings),), guard)
    told = {"zone": name_to_text(result.apex), "serial": result.serial, setting: value}
    if call.query.dry_run:
        return Answer({**told, "dry_run": True})
    return Answer(told, status)


async def _store_master(
    call: Call, apex: Wire, record: ZoneRecord, master: dict[str, Any] | None, status: int
) -> Answer:
    kind = ZoneKind.PRIMARY if master is None else ZoneKind.SECONDARY
    return await store_setting(call, apex, record, "master", master, kind=kind, status=status)


async def _make_secondary(call: Call, apex: Wire) -> Answer:
    """A zone that is not there yet: it has no contents until they are transferred, and is not answered for."""
    call.accounts.demand_new_zone(call.actor, apex)
    call.actor.demand(Permission.CREATE_ZONE, apex)
    call.actor.demand(Permission.CONFIG_SLAVE, apex)
    master = _checked(call, _needed(call).master)
    make = CreateZone(ZoneKind.SECONDARY, call.actor.tenant, {"master": master})
    result = await commit(call, apex, (make,), guard_of(call, apex, None))
    told = {"zone": name_to_text(apex), "serial": result.serial, "master": master}
    if call.query.dry_run:
        return Answer({**told, "dry_run": True})
    return Answer(told, 201)


async def post_master(call: Call) -> Answer:
    """POST /config/{zone}/master."""
    apex = fold(name_in(call, "zone"))
    if call.site.backend.zone(apex) is None:
        return await _make_secondary(call, apex)
    apex, record, had = _zone(call)
    if had is not None:
        raise Conflict(f"{name_to_text(apex)} has a master already")
    return await _store_master(call, apex, record, _checked(call, _needed(call).master), 201)


async def put_master(call: Call) -> Answer:
    """PUT /config/{zone}/master."""
    apex = fold(name_in(call, "zone"))
    if call.site.backend.zone(apex) is None:
        return await _make_secondary(call, apex)
    apex, record, had = _zone(call)
    return await _store_master(
        call, apex, record, _checked(call, _needed(call).master), 200 if had is not None else 201
    )


async def patch_master(call: Call) -> Answer:
    """PATCH /config/{zone}/master."""
    apex, record, had = _zone(call)
    if had is None:
        raise NotFound(f"{name_to_text(apex)} has no master")
    given = {n: v for n in MasterPart.__struct_fields__ if (v := getattr(_needed(call).master, n)) is not UNSET}
    master = msgspec.convert({**had, **given}, Master)
    return await _store_master(call, apex, record, _checked(call, master), 200)


def _needed(call: Call) -> Any:
    if call.body is None:
        raise InputError("body: the master is needed")
    return call.body


async def delete_master(call: Call) -> Answer:
    """DELETE /config/{zone}/master."""
    apex, record, had = _zone(call)
    if had is None:
        raise NotFound(f"{name_to_text(apex)} has no master")
    return await _store_master(call, apex, record, None, 200)


# -- access


class AccessRules(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Who may do what over DNS: addresses, networks, key:NAME, any, none. A member that is not given leaves it to the server's setting."""

    query: list[str] | UnsetType = UNSET
    transfer: list[str] | UnsetType = UNSET
    notify: list[str] | UnsetType = UNSET
    update: list[str] | UnsetType = UNSET


class AccessForm(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The whole configuration."""

    access: AccessRules


async def get_access(call: Call) -> Answer:
    """GET /config/{zone}/access."""
    apex = fold(name_in(call, "zone"))
    record = zone_of(call, apex, Permission.CONFIG_SLAVE)
    return Answer({"access": record.settings.get(SETTING, {})})


async def put_access(call: Call) -> Answer:
    """PUT /config/{zone}/access."""
    if call.body is None:
        raise InputError("body: the rules are needed")
    form: AccessForm = call.body
    given = {act.value: getattr(form.access, act.value) for act in Act}
    rules = {name: checked(items, f"access.{name}") for name, items in given.items() if items is not UNSET}
    return await _store_access(call, rules)


async def delete_access(call: Call) -> Answer:
    """DELETE /config/{zone}/access."""
    return await _store_access(call, {})


async def _store_access(call: Call, rules: dict[str, list[str]]) -> Answer:
    apex = fold(name_in(call, "zone"))
    return await store_setting(call, apex, zone_of(call, apex, Permission.CONFIG_SLAVE), SETTING, rules)


# -- logs


class LogForm(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What is logged; members that are not given stay."""

    level: Literal["debug", "info", "warning", "error"] | UnsetType = UNSET
    query_log_mode: Literal["off", "errors", "sampled", "all"] | UnsetType = UNSET
    query_log_sample: Annotated[int, Meta(ge=1, description="one of so many queries")] | UnsetType = UNSET
    query_log_format: Literal["json", "plain"] | UnsetType = UNSET
    query_log_types: Annotated[list[str], Meta(description="only these; none = all")] | UnsetType = UNSET
    query_log_rcodes: list[str] | UnsetType = UNSET
    query_log_clients: Annotated[list[str], Meta(description="networks; none = all")] | UnsetType = UNSET


async def get_log(call: Call) -> Answer:
    """GET /config/log."""
    settings = call.site.settings
    names = [name for name in LogForm.__struct_fields__ if name != "level"]
    return Answer({"level": settings.log_level, **{name: getattr(settings, name) for name in names}})


async def patch_log(call: Call) -> Answer:
    """PATCH /config/log."""
    form: LogForm | None = call.body
    given = {} if form is None else {n: v for n in LogForm.__struct_fields__ if (v := getattr(form, n)) is not UNSET}
    if not given:
        raise InputError("body: something to change is needed")
    await call.site.command("set", changes={"log_level" if n == "level" else n: v for n, v in given.items()})
    return await get_log(call)


_NONE = {404: "there is no such zone, or it has no master"}
_CHANGED = {412: "the zone was changed meanwhile"}
ENDPOINTS = (
    Endpoint(
        method="GET", path="/config/log", handler=get_log, query=Nothing, permission=Permission.METRICS, tag="server",
        summary="What is logged", answers={200: "levels and filters"}, value=LogForm,
    ),
    Endpoint(
        method="PATCH", path="/config/log", handler=patch_log, query=Nothing, permission=Permission.IMPERSONATE_TENANT,
        body=LogForm, tag="server", summary="Switch log level and query log, until the next start",
        answers={200: "switched in every process"}, value=LogForm,
    ),
    Endpoint(
        method="GET", path="/config/{zone}/access", handler=get_access, query=Acting, tag="zones", value=AccessForm,
        summary="Who may ask about, transfer, notify of and update a zone", answers={200: "its own rules", 404: "no such zone"},
    ),
    Endpoint(
        method="PUT", path="/config/{zone}/access", handler=put_access, query=Writing, body=AccessForm, tag="zones",
        summary="Set its rules", answers={200: "set", 404: "no such zone", **_CHANGED},
    ),
    Endpoint(
        method="DELETE", path="/config/{zone}/access", handler=delete_access, query=Writing, tag="zones",
        summary="Leave them to the server's settings", answers={200: "done", 404: "no such zone", **_CHANGED},
    ),
    Endpoint(
        method="GET", path="/config/{zone}/master", handler=get_master, query=Acting, tag="zones", value=MasterForm,
        summary="Where a zone is transferred from", answers={200: "the master", **_NONE},
    ),
    Endpoint(
        method="POST", path="/config/{zone}/master", handler=post_master, query=Writing, body=MasterForm, tag="zones",
        summary="Make a zone a secondary; one that is not there is made, without contents until they are transferred",
        answers={200: "dry run", 201: "made", 409: "it has a master", **_CHANGED},
    ),
    Endpoint(
        method="PUT", path="/config/{zone}/master", handler=put_master, query=Writing, body=MasterForm, tag="zones",
        summary="Set the master of a zone; one that is not there is made", answers={200: "replaced", 201: "made", **_CHANGED},
    ),
    Endpoint(
        method="PATCH", path="/config/{zone}/master", handler=patch_master, query=Writing, body=MasterPatch,
        tag="zones", summary="Change parts of it", answers={200: "changed", **_NONE, **_CHANGED},
    ),
    Endpoint(
        method="DELETE", path="/config/{zone}/master", handler=delete_master, query=Writing, tag="zones",
        summary="Make a secondary a primary again, with the contents it has", answers={200: "done", **_NONE, **_CHANGED},
    ),
)  # fmt: skip
