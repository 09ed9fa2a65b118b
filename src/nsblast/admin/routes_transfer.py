"""Endpoints of a zone's dealings with other name servers: its status, telling its secondaries now, who they are.

Owns: their forms. Never: transfers and messages (transfer/), other settings of a zone (routes_config.py).
Who may update a zone may have its secondaries told of it; naming them needs CONFIG_SLAVE, like everything that has the server send
something to somewhere.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from nsblast._core.name import fold
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Acting, Answer, Call, Endpoint, Writing
from nsblast.admin.reach import name_in, zone_of
from nsblast.admin.routes_config import key_named, store_setting
from nsblast.admin.transfers import PART, Transfers
from nsblast.errors import InputError
from nsblast.transfer.hosts import literal
from nsblast.transfer.notify_targets import MOST, SETTING


class Secondary(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Who is told of changes."""

    address: Annotated[str, Meta(min_length=2, max_length=45, description="IPv4 or IPv6")]
    port: Annotated[int, Meta(ge=1, le=65535)] = 53
    tsig: Annotated[str, Meta(description="name of the key its messages are signed with; empty = none")] = ""


class NotifyForm(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """All of them; they stand instead of the server's setting, an empty list too. The NS set is told besides."""

    notify: Annotated[list[Secondary], Meta(max_length=MOST)]


class Version(Struct, frozen=True):
    """What a secondary knows or has."""

    serial: int
    time: float
    rcode: int = 0
    """Of its answer to NOTIFY."""
    kind: str = ""
    """How it was transferred: axfr, ixfr, whole (all of the zone in place of an ixfr), current."""


class SecondaryStatus(Struct, frozen=True):
    """One secondary of a zone."""

    address: str | None
    """null: its name has no known address."""
    port: int | None
    tsig: str
    name: str
    """In the NS set; empty: it is configured, or only known from its transfers."""
    source: str
    """configured, ns or transfer."""
    state: str
    """acknowledged, waiting, sent, retrying, silent, refused, unresolved or unknown."""
    tries: int
    next_try: float | None
    acknowledged: Version | None
    transferred: Version | None


class MasterStatus(Struct, frozen=True):
    """How a secondary zone fares; times in seconds since 1970."""

    state: str
    """ok, failing, expired or empty."""
    asking: bool
    """Whether its masters are being asked now."""
    masters: list[str]
    confirmed_by: str | None
    last_check: float | None
    last_confirmed: float | None
    last_transfer: float | None
    next_refresh: float | None
    expires: float | None
    failures: int
    last_error: str | None


class ZoneStatus(Struct, frozen=True):
    """A zone's state, and its secondaries' as far as they are known."""

    zone: str
    kind: str
    serial: int
    changed: float
    names: int
    master: MasterStatus | None
    """null: the zone is no secondary."""
    secondaries: list[SecondaryStatus]


def _transfers(call: Call) -> Transfers:
    found: Transfers = call.site.parts[PART]
    return found


async def get_status(call: Call) -> Answer:
    """GET /zone/{zone}/status."""
    apex = fold(name_in(call, "zone"))
    zone_of(call, apex, Permission.READ_ZONE)
    return Answer(await _transfers(call).status(apex))


async def post_notify(call: Call) -> Answer:
    """POST /zone/{zone}/notify."""
    apex = fold(name_in(call, "zone"))
    zone_of(call, apex, Permission.UPDATE_ZONE)
    return Answer(await _transfers(call).notify(apex))


async def get_notify(call: Call) -> Answer:
    """GET /config/{zone}/notify."""
    record = zone_of(call, fold(name_in(call, "zone")), Permission.CONFIG_SLAVE)
    return Answer({"notify": record.settings.get(SETTING)})


async def put_notify(call: Call) -> Answer:
    """PUT /config/{zone}/notify."""
    apex = fold(name_in(call, "zone"))
    record = zone_of(call, apex, Permission.CONFIG_SLAVE)
    if call.body is None:
        raise InputError("body: the secondaries are needed")
    form: NotifyForm = call.body
    found = [_checked(call, each, f"notify[{at}]") for at, each in enumerate(form.notify)]
    places = [(each["address"], each["port"]) for each in found]
    for at, place in enumerate(places):
        if place in places[:at]:
            raise InputError(f"notify[{at}]: {place[0]} port {place[1]} is there already")
    return await store_setting(call, apex, record, SETTING, found, empty=True)


def _checked(call: Call, secondary: Secondary, where: str) -> dict[str, Any]:
    """As it is stored."""
    address = literal(secondary.address)
    if address is None:
        raise InputError(f"{where}.address: {secondary.address!r} is no IPv4 or IPv6 address")
    plain: dict[str, Any] = msgspec.to_builtins(secondary)
    return {**plain, "address": address, "tsig": key_named(call, secondary.tsig, f"{where}.tsig")}


async def delete_notify(call: Call) -> Answer:
    """DELETE /config/{zone}/notify."""
    apex = fold(name_in(call, "zone"))
    return await store_setting(call, apex, zone_of(call, apex, Permission.CONFIG_SLAVE), SETTING, None)


_NONE = {404: "no such zone"}
_CHANGED = {412: "the zone was changed meanwhile"}
ENDPOINTS = (
    Endpoint(
        method="GET", path="/zone/{zone}/status", handler=get_status, query=Acting, tag="zones", value=ZoneStatus,
        summary="A zone's state, and what its secondaries know and have", answers={200: "the state", **_NONE},
    ),
    Endpoint(
        method="POST", path="/zone/{zone}/notify", handler=post_notify, query=Acting, tag="zones",
        summary="Tell a zone's secondaries of it now", answers={200: "they are being told", **_NONE},
    ),
    Endpoint(
        method="GET", path="/config/{zone}/notify", handler=get_notify, query=Acting, tag="zones",
        summary="Whom the zone's changes are told to; null: those of the server's settings",
        answers={200: "its own secondaries", **_NONE},
    ),
    Endpoint(
        method="PUT", path="/config/{zone}/notify", handler=put_notify, query=Writing, body=NotifyForm, tag="zones",
        summary="Name its secondaries", answers={200: "set", **_NONE, **_CHANGED},
    ),
    Endpoint(
        method="DELETE", path="/config/{zone}/notify", handler=delete_notify, query=Writing, tag="zones",
        summary="Leave them to the server's settings", answers={200: "done", **_NONE, **_CHANGED},
    ),
)  # fmt: skip
