"""Endpoint of secondaries: transfer a zone now.

Owns: its form. Never: transfers (transfer/), the master's setting (routes_config.py).
Whoever names a server here may name it as the zone's master too: CONFIG_SLAVE, and CREATE_ZONE where the zone is made.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from nsblast._core.name import fold
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Acting, Answer, Call, Endpoint, Refused
from nsblast.admin.reach import demand_whole, name_in, zone_of
from nsblast.admin.routes_config import Further, check_master
from nsblast.transfer.inbound_message import Fault
from nsblast.transfer.masters import MASTERS_MOST, Master
from nsblast.transfer.secondary import Secondaries
from nsblast.transfer.secondary_once import fetch_now


class TransferForm(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How."""

    force: bool = False
    """The whole zone, whatever its serial."""
    masters: Annotated[list[Further], Meta(max_length=MASTERS_MOST)] = msgspec.field(name="from", default_factory=list)
    """Servers to ask instead of the zone's masters, this once; a zone that is not there is made a secondary of them."""


class Transferred(Struct, frozen=True):
    """What came of it."""

    zone: str
    serial: int
    how: str
    """current, axfr or ixfr."""
    master: str
    versions: int
    made: bool


async def post_transfer(call: Call) -> Answer:
    """POST /zone/{zone}/transfer."""
    apex = fold(name_in(call, "zone"))
    form: TransferForm = call.body if call.body is not None else TransferForm()
    if form.masters and call.site.backend.zone(apex) is None:
        call.accounts.demand_new_zone(call.actor, apex)
        call.actor.demand(Permission.CREATE_ZONE, apex)
        call.actor.demand(Permission.CONFIG_SLAVE, apex)
    else:
        zone_of(call, apex, Permission.CONFIG_SLAVE)
        demand_whole(call, apex)
    masters = [_master(call, one, f"from[{number}]") for number, one in enumerate(form.masters)]
    secondaries: Secondaries = call.site.parts["secondaries"]
    try:
        done = await fetch_now(
            secondaries,
            call.site.backend,
            apex,
            masters,
            actor=call.actor.name,
            tenant=call.actor.tenant,
            force=form.force,
        )
    except Fault as error:
        raise Refused(error.message, status=502) from None
    told: dict[str, Any] = done.told()
    return Answer(told, 201 if done.made else 200)


def _master(call: Call, given: Further, member: str) -> Master:
    plain: dict[str, Any] = msgspec.to_builtins(given)
    check_master(call, plain, member)
    return Master(plain["hostname"], plain["port"], plain["tsig"])


ENDPOINTS = (
    Endpoint(
        method="POST", path="/zone/{zone}/transfer", handler=post_transfer, query=Acting, body=TransferForm, tag="zones",
        summary="Bring a secondary up to its masters, or to servers that are named, now", value=Transferred,
        answers={
            200: "it is", 201: "the zone was made", 404: "there is no such zone", 409: "the zone is a primary", 502: "no master had it; the message says why",
        },
    ),
)  # fmt: skip
