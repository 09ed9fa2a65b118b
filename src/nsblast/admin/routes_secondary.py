"""Endpoint of secondaries: transfer a zone now.

Owns: its form. Never: transfers (transfer/), the master's setting (routes_config.py).
"""

from typing import Any

from msgspec import Struct

from nsblast._core.name import fold
from nsblast.access.permissions import Permission
from nsblast.admin.calls import Acting, Answer, Call, Endpoint, Refused
from nsblast.admin.reach import demand_whole, name_in, zone_of
from nsblast.transfer.inbound_message import Fault
from nsblast.transfer.secondary import Secondaries
from nsblast.transfer.secondary_once import fetch_now


class TransferForm(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """How."""

    force: bool = False
    """The whole zone, whatever its serial."""


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
    zone_of(call, apex, Permission.CONFIG_SLAVE)
    demand_whole(call, apex)
    secondaries: Secondaries = call.site.parts["secondaries"]
    form: TransferForm = call.body if call.body is not None else TransferForm()
    try:
        done = await fetch_now(secondaries, call.site.backend, apex, (), actor=call.actor.name, force=form.force)
    except Fault as error:
        raise Refused(error.message, status=502) from None
    told: dict[str, Any] = done.told()
    return Answer(told)


ENDPOINTS = (
    Endpoint(
        method="POST", path="/zone/{zone}/transfer", handler=post_transfer, query=Acting, body=TransferForm, tag="zones",
        summary="Bring a secondary up to its masters now", value=Transferred,
        answers={
            200: "it is", 404: "there is no such zone", 409: "the zone is a primary", 502: "no master had it; the message says why",
        },
    ),
)  # fmt: skip
