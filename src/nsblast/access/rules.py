"""What a change of accounts means among all accounts, worked into a layer over the store.

Owns: which records there must be, which go with others, audit records. Never: the form of one record (checks.py), who may ask.
- A user's and a key's roles are roles of their own tenant; a role that is deleted is taken off both. A user's keys go with the user.
- A tenant that still has zones, or virtual zones in others' zones, cannot be deleted; else its users, roles and keys go with it.
- The first tenant stays. Names of users and TSIG keys are unique on the server, names of tenants too, in any case of letters.
- A virtual zone lies below the apex of a zone that exists, and ends with it; one that lost its zone may be put anew by anybody.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from nsblast._core.name import fold
from nsblast.access import records_v1 as v1
from nsblast.access.changes import AccountChange, AccountResult, Alter, Delete, Put
from nsblast.access.checks import check
from nsblast.access.index import Index, name_of
from nsblast.access.records_v1 import Account, ApiKey, Audit, Role, Tenant, TsigKey, User, Vzone
from nsblast.errors import Conflict, Denied, InputError, NotFound
from nsblast.records.names import name_to_text
from nsblast.store import layout
from nsblast.store.commit import Applied
from nsblast.store.overlay import Base, Overlay
from nsblast.types import CommitNumber, Wire
from nsblast.zones.model import Expect

_UTF8_KEYS = (Tenant, User, ApiKey)


class AccountRules:
    """The Rules of accounts, for the Committer: a change is an AccountChange."""

    def __init__(self, index: Callable[[], Index]) -> None:
        """index: asked for when accounts are changed; commands that change none need not load it."""
        self._index = index

    def apply(self, change: AccountChange, view: Overlay, number: CommitNumber, now: float) -> Applied:
        """Work it into an empty layer. InputError, Conflict, NotFound or Denied when it cannot be."""
        index = self._index()
        edit = _Edit(index, view, now)
        for op in change.ops:
            match op:
                case Put():
                    edit.put(op)
                case Alter():
                    before = edit.demand(op.kind, op.name, op.tenant)
                    after = op.alter(before)
                    if type(after) is not op.kind or v1.key_of(after) != v1.key_of(before):
                        raise InputError(f"{v1.WORDS[op.kind]} {op.name}: its name or id cannot be changed")
                    edit.put(Put(after, Expect.PRESENT))
                case Delete():
                    edit.delete(edit.demand(op.kind, op.name, op.tenant))
        changed = edit.settle()
        audit = [_audit(change, now, *each) for each in changed]
        told = 0 if change.dry_run or not changed else number
        return Applied(
            AccountResult(told, tuple(changed)),
            octets=sum(map(len, audit)),
            audit=audit,
            actor=change.actor,
            taken=lambda: index.take(changed),
        )


def _audit(change: AccountChange, now: float, before: Account | None, after: Account | None) -> bytes:
    record = after if after is not None else before
    assert record is not None
    return v1.encode(
        Audit(
            time=now,
            actor=change.actor,
            address=change.address,
            kind=v1.KINDS[type(record)],
            tenant=record.id if isinstance(record, Tenant) else record.tenant,
            name=record.id if isinstance(record, ApiKey) else record.name,
            before=v1.shown(before),
            after=v1.shown(after),
            comment=change.comment,
        )
    )


def place(kind: type, name: str, tenant: str = "") -> bytes:
    """Key of the record of that name."""
    if kind is Role:
        return v1.LETTERS[Role] + tenant.encode() + b"\0" + name.encode("utf-8", "replace")
    if kind in _UTF8_KEYS:
        return v1.LETTERS[kind] + name.encode("utf-8", "replace")
    return v1.LETTERS[kind] + layout.zone_key(fold(v1.wire_of(name)))[len(layout.ZONE) :]


class _Edit:
    def __init__(self, index: Index, view: Overlay, now: float) -> None:
        self.index = index
        self.view = view
        self.now = now
        self.before: dict[bytes, Account | None] = {}
        self.after: dict[bytes, Account | None] = {}

    # -- looking --

    def get(self, kind: type, name: str, tenant: str = "") -> Any:
        """The record as the change has left it so far; None when there is none."""
        key = place(kind, name, tenant)
        return self.after[key] if key in self.after else _decoded(kind, self.view.record(key))

    def demand(self, kind: type, name: str, tenant: str = "") -> Any:
        """The same; NotFound when there is none, or it is another tenant's."""
        found = self.get(kind, name, tenant)
        if found is None or (tenant and kind is not Tenant and found.tenant != tenant):
            raise NotFound(f"there is no {v1.WORDS[kind]} {name}", kind=v1.KINDS[kind], name=name)
        return found

    def of_tenant(self, kind: type, tenant: str, has: Callable[[Any], bool] = lambda _: True) -> list[Any]:
        """All records of a kind a tenant has, or those that `has` holds for."""
        names: dict[str, Any] = {name_of(each): each for each in self.index.walk(kind, tenant)}
        for key, value in self.view.pending(v1.LETTERS[kind]).items():
            if value is not None and key not in self.after:
                record = v1.decode(kind, value)
                names[name_of(record)] = record
        for changed in self.after.values():
            if changed is not None and type(changed) is kind:
                names[name_of(changed)] = changed
        found = []
        for record in filter(has, names.values()):
            key = v1.key_of(record)
            now: Any = self.after[key] if key in self.after else _decoded(kind, self.view.record(key))
            if now is not None and now.tenant == tenant and has(now):
                found.append(now)
        return found

    # -- changing --

    def store(self, key: bytes, kind: type, record: Account | None) -> None:
        if key not in self.before:
            self.before[key] = _decoded(kind, self.view.record(key))
        self.after[key] = record

    def put(self, op: Put) -> None:
        record = op.record
        kind = type(record)
        check(record)
        tenant = record.tenant if isinstance(record, Role) else ""
        called = record.id if isinstance(record, (Tenant, ApiKey)) else record.name
        had = self.get(kind, called, tenant)
        shown = f"{v1.WORDS[kind]} {called}"
        if isinstance(had, Vzone) and self.ended(had):
            had = None
        if op.expect is Expect.ABSENT and had is not None:
            raise Conflict(f"there is a {shown} already")
        if op.expect is Expect.PRESENT and had is None:
            raise NotFound(f"there is no {shown}")
        if isinstance(record, Tenant):
            self.check_tenant(record)
        else:
            self.check_member(record, had, shown)
        created = had.created if had is not None else record.created or self.now
        self.store(v1.key_of(record), kind, msgspec.structs.replace(record, created=created))

    def check_tenant(self, record: Tenant) -> None:
        wanted = record.name.casefold()
        other = self.index.tenant_id(record.name)
        rivals = [] if other is None else [self.get(Tenant, other)]
        rivals += [_decoded(Tenant, each) for each in self.view.pending(v1.LETTERS[Tenant]).values()]
        rivals += self.after.values()
        for each in rivals:
            if isinstance(each, Tenant) and each.id != record.id and each.name.casefold() == wanted:
                now = self.get(Tenant, each.id)
                if now is not None and now.name.casefold() == wanted:
                    raise Conflict(f"there is a tenant {record.name} already", member="name")
        if record.id == v1.FIRST_TENANT and not record.active:
            raise Denied("the first tenant cannot be made inactive: nobody could make it active again")

    def check_member(self, record: Any, had: Any, shown: str) -> None:
        if self.get(Tenant, record.tenant) is None:
            raise NotFound(f"there is no tenant {record.tenant}", kind="tenant", name=record.tenant)
        if had is not None and had.tenant != record.tenant:
            raise Conflict(f"there is a {shown} already, and it is another tenant's")
        if isinstance(record, (User, ApiKey)):
            for role in record.roles:
                if self.get(Role, role, record.tenant) is None:
                    raise InputError(f"roles: there is no role {role!r}", member="roles", value=role)
        if isinstance(record, ApiKey) and record.owner:
            owner = self.get(User, record.owner)
            if owner is None or owner.tenant != record.tenant:
                raise InputError(f"owner: there is no user {record.owner!r}", member="owner", value=record.owner)
        if isinstance(record, Vzone):
            self.check_vzone(record)

    def check_vzone(self, record: Vzone) -> None:
        zone, name = wire(record.zone), wire(record.name)
        found = self.view.zone(zone)
        if found is None or found.incarnation != record.incarnation:
            raise NotFound(f"there is no zone {record.zone}", kind="zone", name=record.zone)
        if name == zone or zone not in layout.suffixes(name):
            raise InputError(f"name: {record.name} does not lie below the zone {record.zone}", member="name")
        if self.view.has_zone(name):
            raise Conflict(f"there is a zone {record.name} already")

    def ended(self, record: Vzone) -> bool:
        """Whether the zone it lay in is no more."""
        zone = self.view.zone(wire(record.zone))
        return zone is None or zone.incarnation != record.incarnation

    # -- taking away --

    def delete(self, record: Account) -> None:
        match record:
            case Tenant():
                self.empty(record)
            case Role():
                self.take_off(record)
            case User():
                for key in self.of_tenant(ApiKey, record.tenant, lambda each: bool(each.owner == record.name)):
                    self.store(v1.key_of(key), ApiKey, None)
            case _:
                pass
        self.store(v1.key_of(record), type(record), None)

    def take_off(self, role: Role) -> None:
        for kind in (User, ApiKey):
            for holder in self.of_tenant(kind, role.tenant, lambda each: role.name in each.roles):
                left = [name for name in holder.roles if name != role.name]
                self.store(v1.key_of(holder), kind, msgspec.structs.replace(holder, roles=left))

    def empty(self, tenant: Tenant) -> None:
        if tenant.id == v1.FIRST_TENANT:
            raise Denied("the first tenant cannot be deleted: zones that name no tenant are its")
        zone = self.zone_of(tenant.id)
        if zone is not None:
            raise Conflict(f"tenant {tenant.name} still has zones, {name_to_text(zone)} for one")
        for vzone in self.of_tenant(Vzone, tenant.id):
            if not self.ended(vzone):
                raise Conflict(f"tenant {tenant.name} still has the virtual zone {vzone.name}")
        for kind in (User, Role, ApiKey, TsigKey, Vzone):
            for record in self.of_tenant(kind, tenant.id):
                self.store(v1.key_of(record), kind, None)

    def zone_of(self, tenant: str) -> Wire | None:
        """Some zone the tenant has."""
        layer: Any = self.view
        pending: dict[Wire, Any] = {}
        while isinstance(layer, Overlay):
            pending = {**layer.zones, **pending}
            layer = layer.under
        for apex, record in pending.items():
            if record is not None and record.tenant == tenant:
                return apex
        assert isinstance(layer, Base)
        for key, _ in layer.database.range(*layout.owned_range(tenant)):
            apex = layout.owned_of(key)[1]
            if apex not in pending:
                return apex
        return None

    def settle(self) -> list[tuple[Account | None, Account | None]]:
        """What changed, written into the layer."""
        changed = []
        for key, after in self.after.items():
            before = self.before[key]
            if before != after:
                changed.append((before, after))
                self.view.records[key] = v1.encode(after) if after is not None else None
        return changed


def wire(name: str) -> Wire:
    """Wire form in lower case."""
    return fold(v1.wire_of(name))


def _decoded(kind: type, value: bytes | None) -> Any:
    return v1.decode(kind, value) if value else None
