"""A zone fetched because somebody says so, now; and the zones that the settings say are secondaries.

Owns: making the zone that is not there yet, and taking it away again when nothing could be fetched. Never: timers, how it is fetched.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nsblast._core.name import fold
from nsblast.backend.local import LocalBackend
from nsblast.errors import Conflict, NotFound, NsblastError, UsageError
from nsblast.logs import log
from nsblast.records import name_from_text, name_to_text
from nsblast.settings import Settings
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer.inbound_refresh import Outcome
from nsblast.transfer.masters import SETTING, Master, Source, parse, setting_of
from nsblast.transfer.secondary import Secondaries
from nsblast.types import Wire
from nsblast.zones.model import ChangeSet, ConfigureZone, Contents, CreateZone, DeleteZone

SETTINGS_ACTOR = "settings"
TOGETHER = 256


@dataclass(frozen=True)
class Fetched:
    """What came of it."""

    apex: Wire
    outcome: Outcome
    made: bool
    """Whether the zone was not there before."""

    def told(self) -> dict[str, Any]:
        """For people and programs."""
        return {
            "zone": name_to_text(self.apex),
            "serial": self.outcome.times.serial,
            "how": self.outcome.what,
            "master": self.outcome.master.shown,
            "versions": self.outcome.versions,
            "made": self.made,
        }


async def fetch_now(
    secondaries: Secondaries,
    backend: LocalBackend,
    apex: Wire,
    masters: Sequence[Master],
    *,
    actor: str,
    tenant: str = "",
    force: bool = False,
) -> Fetched:
    """Bring a zone up to its masters, or to those given, at once; a zone that is not there is made a secondary of these, the tenant's.

    NotFound, Conflict for a primary, Failed when no master had it: then there is no zone either, when there was none.
    """
    record = backend.zone(apex)
    if record is not None:
        if record.kind is not ZoneKind.SECONDARY:
            raise Conflict(f"{name_to_text(apex)} is a primary zone here: give it a master first")
        return Fetched(apex, await secondaries.transfer(apex, masters=tuple(masters), force=force), False)
    if not masters:
        raise NotFound(f"there is no zone {name_to_text(apex)}: say from where it is to be transferred")
    make = CreateZone(ZoneKind.SECONDARY, tenant, {SETTING: setting_of(Source(tuple(masters)))})
    with secondaries.holding(apex):
        await backend.submit_in_loop(ChangeSet(apex, (make,), actor=actor))
        made = backend.zone(apex)
        try:
            return Fetched(apex, await secondaries.transfer(apex, force=force), True)
        except BaseException:
            if made is not None:
                await _unmake(backend, apex, made, actor)
            raise


async def _unmake(backend: LocalBackend, apex: Wire, made: ZoneRecord, actor: str) -> None:
    def guard(contents: Contents) -> None:
        if contents.record != made:
            raise Conflict("something was done to it meanwhile")

    try:
        await backend.submit_in_loop(ChangeSet(apex, (DeleteZone(),), actor=actor, guard=guard))
    except NsblastError as error:
        log().info("a zone that was made stays", zone=name_to_text(apex), reason=error.message)


def declared(settings: Settings) -> dict[Wire, Source]:
    """The secondaries of the settings."""
    found: dict[Wire, Source] = {}
    for line in settings.secondaries:
        name, *rest = line.split()
        key = next((word.removeprefix("key:") for word in rest if word.startswith("key:")), "")
        masters = tuple(parse(word, key) for word in rest if not word.startswith("key:"))
        apex = fold(name_from_text(name))
        if apex in found:
            raise UsageError(f"secondaries: {name_to_text(apex)} is there twice")
        found[apex] = Source(masters)
    return found


async def settle_declared(backend: LocalBackend, settings: Settings) -> None:
    """Make the secondaries of the settings, and set their masters. What is left out of them later stays as it is."""
    wanted = list(declared(settings).items())
    for at in range(0, len(wanted), TOGETHER):
        await asyncio.gather(*(_settle(backend, apex, source) for apex, source in wanted[at : at + TOGETHER]))


async def _settle(backend: LocalBackend, apex: Wire, source: Source) -> None:
    shown = name_to_text(apex)
    wanted = setting_of(source)
    record = backend.zone(apex)
    had: dict[str, Any] = record.settings.get(SETTING, {}) if record is not None else {}
    # How often and in which way the settings do not say: what the API set stays.
    wanted |= {name: had[name] for name in ("refresh", "strategy") if name in had}
    op: CreateZone | ConfigureZone
    if record is None:
        op = CreateZone(ZoneKind.SECONDARY, settings={SETTING: wanted})
    elif record.kind is ZoneKind.PRIMARY:
        log().error("a zone of the setting secondaries is a primary here: it stays one", zone=shown)
        return
    elif had == wanted:
        return
    else:
        op = ConfigureZone(settings={**record.settings, SETTING: wanted})
    try:
        await backend.submit_in_loop(ChangeSet(apex, (op,), actor=SETTINGS_ACTOR))
    except NsblastError as error:
        log().error("a secondary zone of the settings cannot be made", zone=shown, reason=error.message)
    else:
        log().info("secondary zone of the settings", zone=shown, masters=[one.shown for one in source.masters])
