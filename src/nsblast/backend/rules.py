"""Which rules a change goes by: zones' or accounts'. The Committer knows one Rules; this is it.

Owns: telling the kinds of change apart, and the one rule that concerns both: a zone's tenant must be there.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from nsblast.access.changes import AccountChange
from nsblast.access.records_v1 import Tenant
from nsblast.access.rules import AccountRules, place
from nsblast.errors import NotFound
from nsblast.store.commit import Applied
from nsblast.store.engine import Database
from nsblast.store.layout import FIRST_TENANT
from nsblast.store.overlay import Layer, Overlay
from nsblast.types import CommitNumber, Wire
from nsblast.zones.create_many import prepare_zones
from nsblast.zones.model import ChangeSet, CreateZones, ReplaceZone
from nsblast.zones.replace import ZoneRules

Change = ChangeSet | AccountChange | CreateZones
_ACCOUNTS: Wire = b""
"""Stands where a zone's apex does; no name is empty."""
_MANY: Wire = b"\xff"
"""The same for new zones by the thousand: such groups come one after another. No name is that either."""


class AllRules:
    """See store.commit.Rules."""

    def __init__(self, accounts: AccountRules) -> None:
        self._zones = ZoneRules()
        self._accounts = accounts

    def zone_of(self, change: Change) -> Wire:
        """Changes of accounts are done in the committing thread and never wait for one another."""
        if isinstance(change, CreateZones):
            return _MANY
        return _ACCOUNTS if isinstance(change, AccountChange) else self._zones.zone_of(change)

    def is_dry(self, change: Change) -> bool:
        """Only tried?"""
        return not isinstance(change, CreateZones) and change.dry_run

    def is_small(self, change: Change) -> bool:
        """A few names of one zone."""
        return isinstance(change, ChangeSet) and self._zones.is_small(change)

    def needs_preparing(self, change: Change, store: Layer) -> bool:
        """Whole zones do."""
        if isinstance(change, CreateZones):
            return True
        return not isinstance(change, AccountChange) and self._zones.needs_preparing(change, store)

    def prepare(self, change: Change, database: Database, folder: Path) -> Any:
        """Whole zones."""
        if isinstance(change, CreateZones):
            change = replace(change, zones=list(change.zones))
            for tenant in {zone.tenant for zone in change.zones}:
                _demand_tenant(tenant, database.get)
            return prepare_zones(change, database, folder)
        assert isinstance(change, ChangeSet)
        for op in change.ops:
            if isinstance(op, ReplaceZone):
                _demand_tenant(op.tenant, database.get)
        return self._zones.prepare(change, database, folder)

    def apply(self, change: Change, view: Overlay, number: CommitNumber, now: float) -> Applied:
        """By the rules of its kind."""
        if isinstance(change, AccountChange):
            return self._accounts.apply(change, view, number, now)
        assert isinstance(change, ChangeSet)
        applied = self._zones.apply(change, view, number, now)
        if applied.moved is not None:
            _demand_tenant(applied.moved[1] or "", view.record)
        return applied


def _demand_tenant(tenant: str, get: Callable[[bytes], bytes | None]) -> None:
    if tenant and tenant != FIRST_TENANT and not get(place(Tenant, tenant)):
        raise NotFound(f"there is no tenant {tenant}", kind="tenant", name=tenant)
