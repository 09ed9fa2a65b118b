"""All accounts in memory: what every request asks for, in order for lists.

Owns: the records as committed, by name and by tenant; the generation, which every commit of accounts raises. Never: the store's
writing, permissions. Invariants: changed only in the committing thread (take), read in any; a reader sees each record whole, and
every list that a reader holds stays what it was (lists are replaced or changed in one step under the interpreter's lock).
"""

import gc
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar

from nsblast.access.given import Given
from nsblast.access.records_v1 import LETTERS, Account, ApiKey, Role, Tenant, TsigKey, User, Vzone, decode, wire_of
from nsblast.store import layout
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader

_PAGE = 512
Kind = TypeVar("Kind", Tenant, Role, User, ApiKey, TsigKey, Vzone)


def name_of(record: Account) -> str:
    """What a record is called: unique within its kind, but for roles, which carry their tenant in front."""
    match record:
        case Tenant() | ApiKey():
            return record.id
        case Role():
            return role_name(record.tenant, record.name)
        case _:
            return record.name


def role_name(tenant: str, name: str) -> str:
    """A role's name in the index."""
    return f"{tenant}/{name}"


class _Ordered:
    """Names in order, in all and by tenant."""

    def __init__(self) -> None:
        self.every: list[str] = []
        self.by_tenant: dict[str, list[str]] = {}

    def add(self, tenant: str, name: str) -> None:
        insort(self.every, name)
        insort(self.by_tenant.setdefault(tenant, []), name)

    def remove(self, tenant: str, name: str) -> None:
        for names in (self.every, self.by_tenant.get(tenant, [])):
            at = bisect_left(names, name)
            if at < len(names) and names[at] == name:
                del names[at]

    def sort(self) -> None:
        self.every.sort()
        for names in self.by_tenant.values():
            names.sort()


class Index:
    """See the file's head."""

    def __init__(self, database: Database) -> None:
        self.generation = 1
        self._records: dict[type, dict[str, Any]] = {kind: {} for kind in LETTERS}
        self._ordered: dict[type, _Ordered] = {kind: _Ordered() for kind in LETTERS}
        self._tenant_ids: dict[str, str] = {}
        self._reader = StoreReader(database)
        self.given = Given(self._giver)
        collecting = gc.isenabled()
        gc.disable()  # all that is made here stays: looking for garbage in it would take most of the time
        try:
            self._load(database)
        finally:
            if collecting:
                gc.enable()

    def _load(self, database: Database) -> None:
        for kind, prefix in LETTERS.items():
            records, ordered = self._records[kind], self._ordered[kind]
            for _, value in database.range(prefix, layout.after(prefix)):
                if value:
                    record = decode(kind, value)
                    name = name_of(record)
                    records[name] = record
                    ordered.every.append(name)
                    ordered.by_tenant.setdefault(_tenant_of(record), []).append(name)
            ordered.sort()
        for tenant in self._records[Tenant].values():
            self._tenant_ids[tenant.name.casefold()] = tenant.id
        self.given.load(self._records[Vzone].values())

    def _giver(self, vzone: Vzone) -> str:
        zone = self._reader.zone(wire_of(vzone.zone))
        return zone.tenant or layout.FIRST_TENANT if zone is not None and zone.incarnation == vzone.incarnation else ""

    def get(self, kind: type[Kind], name: str) -> Kind | None:
        """The record; roles by role_name()."""
        found: Kind | None = self._records[kind].get(name)
        return found

    def tenant_id(self, name: str) -> str | None:
        """Id of the tenant of that name, in any case of letters."""
        return self._tenant_ids.get(name.casefold())

    def count(self, kind: type) -> int:
        """How many there are."""
        return len(self._records[kind])

    def walk(self, kind: type[Kind], tenant: str = "*", *, after: str = "", backwards: bool = False) -> Iterator[Kind]:
        """Records in order of their names, those of one tenant or all; after (before, when backwards) a name."""
        ordered = self._ordered[kind]
        names = ordered.every if tenant == "*" else ordered.by_tenant.get(tenant, [])
        return _walk(names, self._records[kind], after, backwards)

    def walk_given(self, giver: str, *, after: str = "", backwards: bool = False) -> Iterator[Vzone]:
        """Virtual zones in zones of a tenant, in order of their names."""
        return _walk(self.given.names_by(giver), self._records[Vzone], after, backwards)

    def take(self, changed: list[tuple[Account | None, Account | None]]) -> None:
        """What a commit changed: (before, after) of each record."""
        for before, after in changed:
            record = after if after is not None else before
            assert record is not None
            kind, name = type(record), name_of(record)
            ordered = self._ordered[kind]
            if isinstance(before, Tenant):
                self._tenant_ids.pop(before.name.casefold(), None)
            if isinstance(before, Vzone):
                self.given.remove(before)
            if isinstance(after, Vzone):
                self.given.add(after)
            if before is not None and (after is None or _tenant_of(before) != _tenant_of(after)):
                ordered.remove(_tenant_of(before), name)
            if after is None:
                self._records[kind].pop(name, None)
            else:
                self._records[kind][name] = after
                if isinstance(after, Tenant):
                    self._tenant_ids[after.name.casefold()] = after.id
                if before is None or _tenant_of(before) != _tenant_of(after):
                    ordered.add(_tenant_of(after), name)
        self.generation += 1


def _walk(names: list[str], records: dict[str, Kind], after: str, backwards: bool) -> Iterator[Kind]:
    while True:
        if backwards:
            end = bisect_left(names, after) if after else len(names)
            page = names[max(0, end - _PAGE) : end][::-1]
        else:
            start = bisect_right(names, after) if after else 0
            page = list(islice(names, start, start + _PAGE))
        for name in page:
            record = records.get(name)
            if record is not None:
                yield record
        if len(page) < _PAGE:
            return
        after = page[-1]


def _tenant_of(record: Account) -> str:
    return record.id if isinstance(record, Tenant) else record.tenant
