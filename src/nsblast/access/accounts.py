"""All accounts of one open store: looked up in memory, changed through the Committer.

Owns: the faces for reading and changing, whose a name is, what an account's roles are worth. Never: log-in (login.py), the meaning
of changes (rules.py), HTTP. Any thread may ask; look-ups touch no disk but for owner_of(), a few gets.
The owner of a name is the tenant of the deepest zone, or of the deepest virtual zone below that zone's apex. Other tenants' names
are Forbidden whether there is anything at them or not.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import NamedTuple

import msgspec

from nsblast.access import records_v1 as v1
from nsblast.access.changes import AccountChange, AccountResult
from nsblast.access.filters import Filter, compile_filter
from nsblast.access.index import Index, role_name
from nsblast.access.may import ALL_TENANTS, Actor, Grant
from nsblast.access.permissions import Permission
from nsblast.access.records_v1 import ApiKey, Role, Tenant, TsigKey, User, Vzone
from nsblast.access.rules import wire
from nsblast.errors import Forbidden, InputError, NotFound
from nsblast.records.names import name_to_text
from nsblast.store import layout
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import ZoneRecord
from nsblast.types import CommitNumber, Wire

Submit = Callable[[AccountChange], "Future[AccountResult]"]


class Owner(NamedTuple):
    """Whose a name is."""

    tenant: str
    """Id."""
    zone: Wire
    """Apex of the deepest zone it lies in."""
    record: ZoneRecord
    """That zone's."""
    vzone: Wire | None = None
    """The virtual zone that gives it to the tenant."""


class Accounts:
    """See the file's head."""

    def __init__(self, index: Index, reader: StoreReader, submit: Submit) -> None:
        self.index = index
        self.submit = submit
        """Check, commit, make visible; in effect for requests that begin after it is done."""
        self._reader = reader

    def apply(self, change: AccountChange) -> AccountResult:
        """submit(), and wait."""
        return self.submit(change).result()

    @property
    def generation(self) -> int:
        """Another number whenever some account has changed."""
        return self.index.generation

    # -- records --

    def tenant(self, ident: str) -> Tenant | None:
        """By id, or by name in any case of letters."""
        found = self.index.get(Tenant, ident.lower())
        if found is None:
            other = self.index.tenant_id(ident)
            found = self.index.get(Tenant, other) if other is not None else None
        return found

    def user(self, name: str) -> User | None:
        """By name."""
        return self.index.get(User, name)

    def role(self, tenant: str, name: str) -> Role | None:
        """By tenant's id and name."""
        return self.index.get(Role, role_name(tenant, name))

    def key(self, ident: str) -> ApiKey | None:
        """By id."""
        return self.index.get(ApiKey, ident)

    def tsig_key(self, name: str) -> TsigKey | None:
        """By name: absolute, lower case, with final dot."""
        return self.index.get(TsigKey, name)

    def signing_key(self, name: str) -> TsigKey | None:
        """The same for who verifies a message: not active when its tenant is not."""
        found = self.index.get(TsigKey, name)
        if found is not None and found.active:
            tenant = self.index.get(Tenant, found.tenant or v1.FIRST_TENANT)
            if tenant is None or not tenant.active:
                return msgspec.structs.replace(found, active=False)
        return found

    def vzone(self, name: Wire) -> Vzone | None:
        """The virtual zone at exactly this name, if the zone it lies in is still there."""
        found = self.index.get(Vzone, name_to_text(name))
        return found if found is not None and self.lives(found) else None

    def lives(self, vzone: Vzone) -> bool:
        """Whether the zone a virtual zone lies in is still the one it was made in."""
        zone = self._reader.zone(wire(vzone.zone))
        return zone is not None and zone.incarnation == vzone.incarnation

    def tenants(self, *, after: str = "", backwards: bool = False) -> Iterator[Tenant]:
        """By id."""
        return self.index.walk(Tenant, after=after, backwards=backwards)

    def users(self, tenant: str = ALL_TENANTS, *, after: str = "", backwards: bool = False) -> Iterator[User]:
        """By name."""
        return self.index.walk(User, tenant, after=after, backwards=backwards)

    def roles(self, tenant: str = ALL_TENANTS, *, after: str = "", backwards: bool = False) -> Iterator[Role]:
        """By tenant and name; `after` is a name, or index.role_name() where tenants are mixed."""
        if after and tenant != ALL_TENANTS:
            after = role_name(tenant, after)
        return self.index.walk(Role, tenant, after=after, backwards=backwards)

    def keys(self, tenant: str = ALL_TENANTS, *, after: str = "", backwards: bool = False) -> Iterator[ApiKey]:
        """By id."""
        return self.index.walk(ApiKey, tenant, after=after, backwards=backwards)

    def tsig_keys(self, tenant: str = ALL_TENANTS, *, after: str = "", backwards: bool = False) -> Iterator[TsigKey]:
        """By name."""
        return self.index.walk(TsigKey, tenant, after=after, backwards=backwards)

    def vzones(self, tenant: str = ALL_TENANTS, *, after: str = "", backwards: bool = False) -> Iterator[Vzone]:
        """By name, those that live."""
        return filter(self.lives, self.index.walk(Vzone, tenant, after=after, backwards=backwards))

    def vzones_by(self, giver: str, *, after: str = "", backwards: bool = False) -> Iterator[Vzone]:
        """The same, in zones of one tenant, or of all."""
        if giver == ALL_TENANTS:
            return self.vzones(after=after, backwards=backwards)
        return filter(self.lives, self.index.walk_given(giver, after=after, backwards=backwards))

    def audit(
        self, *, after: CommitNumber = 0, before: CommitNumber | None = None, backwards: bool = True
    ) -> Iterator[tuple[CommitNumber, v1.Audit]]:
        """What was done to accounts, newest first."""
        for number, value in self._reader.audit(after=after, before=before, backwards=backwards):
            yield number, v1.decode(v1.Audit, value)

    # -- actors --

    def actor(self, user: User, key: ApiKey | None = None, *, now: float = 0.0) -> Actor | None:
        """What a user, or a key of that user's, may do; None when it, or its tenant, is stopped or the key has expired."""
        tenant = self.index.get(Tenant, user.tenant)
        if tenant is None or not tenant.active or not user.active:
            return None
        if key is not None and not (
            key.active and key.tenant == user.tenant and (not key.expires or now < key.expires)
        ):
            return None
        allowed = frozenset(tenant.allowed)
        grants = []
        for name in (key or user).roles:
            role = self.role(tenant.id, name)
            if role is not None:
                grants.append(Grant(_known(role.permissions, allowed), filter_of(role)))
        called = user.name if key is None else f"{user.name} (key {key.id})"
        return Actor(called, tenant.id, tenant.id, tuple(grants), user.name, key.id if key else "")

    def acting(self, actor: Actor, ident: str) -> Actor:
        """The actor in another tenant (id, name or "*"); Forbidden without IMPERSONATE_TENANT, else NotFound when there is none."""
        if ident == ALL_TENANTS:
            return actor.within(ident)
        found = self.tenant(ident)
        if found is not None:
            return actor.within(found.id)
        actor.within("")  # whoever may not impersonate does not learn which tenants there are
        raise NotFound(f"there is no tenant {ident}", kind="tenant", name=ident)

    # -- names --

    def owner_of(self, name: Wire) -> Owner | None:
        """Whose a name (lower case) is; None when it lies in no zone."""
        found = self._reader.find_zone(name)
        if found is None:
            return None
        apex, record = found
        if self.index.count(Vzone):
            for candidate in layout.suffixes(name):
                if candidate == apex:
                    break
                vzone = self.vzone(candidate)
                # One made in a zone further up ends where a zone of its own begins.
                if vzone is not None and wire(vzone.zone) == apex:
                    return Owner(vzone.tenant, apex, record, candidate)
        return Owner(record.tenant or v1.FIRST_TENANT, apex, record)

    def demand_name(self, actor: Actor, name: Wire) -> Owner | None:
        """Whose the name is; Forbidden when it is another tenant's than the one acted in."""
        owner = self.owner_of(name)
        if owner is not None and not actor.owns(owner.tenant):
            raise Forbidden(f"{name_to_text(name)} is not within reach of {actor.name}")
        return owner

    def demand_new_zone(self, actor: Actor, apex: Wire) -> None:
        """Whether a zone may be made there, its permission aside.

        Below another tenant's zone it may only where the tenant's root lies there too and nothing at or below that
        root is another's: that is how sub-zones are delegated. Outside the root it may not at all, nor above what another was given.
        """
        if actor.tenant == ALL_TENANTS:
            raise InputError("tenant: a zone is made in one tenant, not in all", member="tenant")
        tenant = self.index.get(Tenant, actor.tenant)
        root = wire(tenant.root) if tenant is not None and tenant.root else None
        if root is not None and root not in layout.suffixes(apex):
            raise Forbidden(f"{name_to_text(apex)} is not at or below {name_to_text(root)}, the tenant's root")
        owner = self.owner_of(apex)
        if owner is None:
            return
        if actor.owns(owner.tenant):
            self._demand_nothing_hidden(actor, owner.zone, apex)
            return
        border = owner.vzone or owner.zone
        if root is None or border == root or border not in layout.suffixes(root):
            raise Forbidden(f"{name_to_text(apex)} lies in {name_to_text(border)}, which is another tenant's")
        self._demand_nothing_hidden(actor, owner.zone, apex)

    def demand_cut(self, actor: Actor, zone: Wire, name: Wire) -> None:
        """Whether NS or DNAME may be put at a name of the zone: Forbidden when they would hide what another tenant was given below it."""
        if self.hides(actor.owns, zone, name, itself=False):
            raise _hidden(name)

    def hides(self, owns: Callable[[str], bool], zone: Wire, name: Wire, *, itself: bool) -> bool:
        """Whether a cut at the name would hide a virtual zone, below it or (itself) there, of a tenant that is not one's own."""
        if not self.index.count(Vzone):
            return False
        record = self._reader.zone(zone)
        return record is not None and self.index.given.below(
            name_to_text(zone), record.incarnation, name, owns, itself=itself
        )

    def given_in(self, zone: Wire) -> Iterator[tuple[str, Wire]]:
        """(tenant, name) of each virtual zone in a zone."""
        record = self._reader.zone(zone) if self.index.count(Vzone) else None
        return self.index.given.of_zone(name_to_text(zone), record.incarnation) if record is not None else iter(())

    def _demand_nothing_hidden(self, actor: Actor, zone: Wire, apex: Wire) -> None:
        """Forbidden when a zone at apex would hide a virtual zone that another tenant was given in the zone around."""
        if self.hides(actor.owns, zone, apex, itself=True):
            raise _hidden(apex)


def _hidden(name: Wire) -> Forbidden:
    return Forbidden(f"something below {name_to_text(name)} is given to another tenant")


def filter_of(role: Role) -> Filter:
    """The role's filter, compiled."""
    return compile_filter(role.fqdn, role.recursive, role.regex, tuple(role.types))


def _known(names: list[str], allowed: frozenset[str]) -> frozenset[Permission]:
    """Names this version does not know are passed over: a newer one may have written them."""
    return frozenset(Permission[name] for name in names if name in allowed and name in Permission.__members__)
