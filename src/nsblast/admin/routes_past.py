"""Endpoints of the past: a zone's history, everybody's history (audit), revert.

Owns: what these mean, who sees what. Never: reading the history (backend/history.py), working a revert out (zones/revert.py).
Each page looks at SCAN changes at most; more = true then, and klast is the place to go on from.
Who acts in a tenant sees of its zones what was done since they were made; what was done to earlier zones of a name, and
to zones that are gone, only who acts in all tenants sees.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from nsblast._core.name import fold
from nsblast.access.may import ALL_TENANTS, Actor
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Answer, Call, Changing, Endpoint, Page, Paging
from nsblast.admin.reach import (
    check_match,
    commit,
    demand_whole,
    difference,
    etag_after,
    guard_of,
    in_thread,
    name_given,
    name_in,
    told,
    zone_etag,
    zone_of,
)
from nsblast.backend.history import Happened, History, Place
from nsblast.errors import InputError
from nsblast.records import name_to_text
from nsblast.store import layout
from nsblast.types import Wire
from nsblast.zones.model import Diff, RevertZone

SCAN = 5000

_LISTS = {
    "tenant": Permission.LIST_TENANTS,
    "user": Permission.LIST_USERS,
    "role": Permission.LIST_ROLES,
    "apikey": Permission.LIST_APIKEYS,
    "tsigkey": Permission.LIST_APIKEYS,
    "vzone": Permission.LIST_VZONES,
}


class OfZone(Paging, kw_only=True, frozen=True):
    """Which part of a history."""

    direction: Annotated[Literal["forward", "backward"], Meta(description="backward = the newest first")] = "backward"
    user: Annotated[str, Meta(description="only what this user or key did, as it is shown")] = ""
    since: Annotated[str, Meta(description="seconds since 1970 or ISO 8601")] = ""
    until: Annotated[str, Meta(description="seconds since 1970 or ISO 8601")] = ""


class OfAll(OfZone, kw_only=True, frozen=True):
    """Which part of everybody's."""

    zone: Annotated[str, Meta(description="only what was done to this zone")] = ""


class Revert(Struct, forbid_unknown_fields=True):
    """Where to."""

    serial: Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]


async def get_history(call: Call) -> Answer:
    """GET /zone/{zone}/history."""
    apex = fold(name_in(call, "zone"))
    record = zone_of(call, apex, Permission.READ_ZONE)
    demand_whole(call, apex)
    return await in_thread(_page, call, apex, record.incarnation)


async def get_all(call: Call) -> Answer:
    """GET /history."""
    apex = fold(name_given(call.query.zone, "zone")) if call.query.zone else None
    return await in_thread(_page, call, apex, 0)


def _page(call: Call, apex: Wire | None, oldest: int) -> Answer:
    query = call.query
    found: list[Any] = []
    first = last = ""
    more = False
    visible = _Sight(call)
    for looked, one in enumerate(_walk(call, apex, oldest)):
        if len(found) == query.limit or looked == SCAN:
            more = True
            break
        last = f"{one.place.number}.{one.place.piece}"
        if (query.user and one.actor != query.user) or not visible(one):
            continue
        first = first or last
        found.append(_item(one, query.kind, last, call.actor))
    return Answer(found, page=Page(more, query.limit, first, last))


def _walk(call: Call, apex: Wire | None, oldest: int) -> Iterator[Happened]:
    query = call.query
    history: History = call.site.backend.past
    low, high = history.numbers(_time(query.since, "since"), _time(query.until, "until"))
    way: dict[str, Any] = {"low": max(low, oldest), "high": high, "start": _start(query.start)}
    way["backwards"] = query.backwards
    if apex is not None:
        return history.of_zone(apex, **way)
    return history.of_actor(query.user, **way) if query.user else history.of_all(**way)


class _Sight:
    """What one request's actor may see."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._actor: Actor = call.actor
        self._zones: dict[Wire, int | None] = {}

    def __call__(self, one: Happened) -> bool:
        if isinstance(one.name, bytes):
            if not self._actor.may(Permission.READ_ZONE, one.name):
                return False
            if self._actor.tenant == ALL_TENANTS:
                return True
            since = self._since(one.name)
            return since is not None and one.place.number >= since
        permission = _LISTS.get(one.kind)
        return permission is not None and self._actor.may(permission) and self._actor.owns(one.tenant or "")

    def _since(self, apex: Wire) -> int | None:
        """The commit that made the zone, if it is one of the tenant's, and whole."""
        if apex not in self._zones:
            record = self._call.site.backend.zone(apex)
            owned = record is not None and self._actor.owns(record.tenant or layout.FIRST_TENANT)
            whole = owned and all(self._actor.owns(tenant) for tenant, _ in self._call.accounts.given_in(apex))
            self._zones[apex] = record.incarnation if record is not None and whole else None
        return self._zones[apex]


def _item(one: Happened, kind: str, place: str, actor: Actor) -> Any:
    if kind == "id":
        return place
    item: dict[str, Any] = {
        "id": place,
        "time": one.time,
        "date": datetime.fromtimestamp(one.time, UTC).isoformat(timespec="seconds"),
        "user": one.actor,
        "address": one.address,
        "comment": one.comment,
        "kind": one.kind,
        "what": one.what,
        "name": name_to_text(one.name) if isinstance(one.name, bytes) else one.name,
    }
    if one.kind == "zone":
        item |= {"serial_from": one.serial_from, "serial_to": one.serial_to}
    else:
        item["tenant"] = one.tenant
    if kind != "brief":
        if one.kind == "zone":
            item |= difference(_seen(one, actor))
        item |= {"before": one.before, "after": one.after}
    return item


def _seen(one: Happened, actor: Actor) -> Diff | None:
    """The difference without the records that are not to be read."""
    if one.diff is None or not isinstance(one.name, bytes) or actor.may_below(Permission.READ_ZONE, one.name):
        return one.diff
    return Diff(
        *(tuple(rr for rr in rrs if actor.may(Permission.READ_ZONE, fold(rr[0]), (rr[1],))) for rrs in one.diff)
    )


def _time(text: str, member: str) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        if not math.isfinite(seconds):
            raise InputError(f"{member}: {text!r} is no time")
        return seconds
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{member}: {text!r} is neither seconds since 1970 nor ISO 8601") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _start(text: str) -> Place | None:
    if not text:
        return None
    number, _, piece = text.partition(".")
    if len(text) > 30 or not (number.isascii() and number.isdigit() and piece.isascii() and piece.isdigit()):
        raise InputError(f"from: {text[:40]!r} is no place in the history")
    if int(number) >= 1 << 63 or int(piece) >= 1 << 32:
        raise InputError(f"from: {text!r} is no place in the history")
    return Place(int(number), int(piece))


async def post_revert(call: Call) -> Answer:
    """POST /zone/{zone}/revert."""
    if call.body is None:
        raise InputError("body: serial is missing")
    apex = fold(name_in(call, "zone"))
    record = zone_of(call, apex, Permission.UPDATE_ZONE)
    demand_whole(call, apex)
    check_match(call, zone_etag(record), apex)
    result = await commit(call, apex, [RevertZone(call.body.serial)], guard_of(call, apex, record, match=True))
    return await told(call, result, etag=etag_after(result, record))


ENDPOINTS = (
    Endpoint(
        method="GET", path="/zone/{zone}/history", handler=get_history, query=OfZone, tag="history",
        summary="A zone's changes: who, from where, when, records before and after",
        answers={200: "changes", 403: "another tenant's", 404: "there is no such zone"},
    ),
    Endpoint(
        method="GET", path="/history", handler=get_all, query=OfAll, tag="history",
        summary="Changes of zones and accounts, by time, user or zone", answers={200: "changes"},
    ),
    Endpoint(
        method="POST", path="/zone/{zone}/revert", handler=post_revert, query=Changing, body=Revert, tag="history",
        summary="Bring the contents of an earlier serial back as a new serial",
        answers={
            200: "it stands", 403: "another tenant's", 404: "there is no such zone", 409: "a secondary zone",
            410: "the journal does not reach that serial; the message says how far it goes", 412: "If-Match does not hold",
        },
    ),
)  # fmt: skip
