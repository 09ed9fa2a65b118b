"""Whether a zone's secondaries have what a write made: what `wait` waits for.

Owns: this question. Never: NOTIFY and transfers themselves (transfer/). Secondaries are those that are told of the zone's changes:
configured ones and hosts of its NS set. What one has is known from its transfers from here; of one that takes the zone elsewhere, or
cannot be found, it stays unknown, which is not replicated.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from nsblast.admin.calls import Call, Writing
from nsblast.admin.transfers import PART, Transfers
from nsblast.errors import NotFound
from nsblast.types import Wire
from nsblast.zones.checks import is_newer

_FIRST, _MOST = 0.02, 0.5
"""Seconds between two looks, doubled each time."""


async def replicated(call: Call, serials: Mapping[Wire, int | None]) -> bool | None:
    """Whether all secondaries of these zones have these serials, as soon as they do or the time is over; None when nobody asked."""
    query = call.query
    if not isinstance(query, Writing) or not query.wait or query.dry_run:
        return None
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + query.wait, _FIRST
    call.site.streams += 1  # one that waits keeps nobody else waiting
    try:
        left = dict(serials)
        while True:
            for apex, serial in list(left.items()):
                found = await _secondaries(call, apex)
                if all(_has(each, serial) for each in found):
                    del left[apex]
            now = loop.time()
            if not left or now >= end:
                return not left
            await asyncio.sleep(min(pause, end - now))
            pause = min(2 * pause, _MOST)
    finally:
        call.site.streams -= 1


async def will_remain(call: Call, apexes: Iterable[Wire]) -> bool:
    """Whether zones that are about to be deleted have secondaries: nothing tells them that a zone is gone. False when nobody asked."""
    asked = isinstance(call.query, Writing) and call.query.wait and not call.query.dry_run
    return bool(asked) and any([await _secondaries(call, apex) for apex in apexes])


async def _secondaries(call: Call, apex: Wire) -> list[dict[str, Any]]:
    """What is known of each that is told of the zone's changes."""
    transfers: Transfers | None = call.site.parts.get(PART)
    try:
        told = (await transfers.status(apex))["secondaries"] if transfers is not None else []
    except NotFound:
        return []
    return [each for each in told if each["source"] != "transfer"]


def _has(secondary: Mapping[str, Any], serial: int | None) -> bool:
    taken = secondary["transferred"]
    return serial is not None and taken is not None and not is_newer(serial, taken["serial"])
