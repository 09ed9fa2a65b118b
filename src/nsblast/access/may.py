"""Who acts, and what that one may do: the only place where a permission is decided.

Owns: Actor, Grant, the rule. Never: who an actor is (login.py), whose a name is (owners.py), HTTP.
The rule: something is permitted when one role (a Grant, already cut down to what the tenant may have) has the permission and its
filter lets the name through; records of several types need each type let through by such a role. Without a name the question is
"for any name at all", so that lists can be asked for first and cut down name by name afterwards. Without types, a permission on
contents (permissions.CONTENTS) means all types, so that a role limited to some types does not give it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from nsblast.access.filters import EVERYTHING, Filter
from nsblast.access.permissions import CONTENTS, Permission
from nsblast.errors import Forbidden
from nsblast.records.names import name_to_text
from nsblast.types import Wire
from nsblast.zones.checks import type_text

ALL_TENANTS = "*"


@dataclass(frozen=True, slots=True)
class Grant:
    """One role as it counts for one actor."""

    permissions: frozenset[Permission]
    filter: Filter = EVERYTHING


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts in one request."""

    name: str
    """As journals and audit records say it: the user's name, or "user (key id)"."""
    home: str
    """Id of the tenant the account belongs to."""
    tenant: str
    """Id of the tenant acted in; "*" = all (lists)."""
    grants: tuple[Grant, ...]
    user: str = ""
    """The user's name; a key's owner."""
    key: str = ""
    """Id of the API key; empty = a password was given."""
    permissions: frozenset[str] = field(init=False)
    """All that some grant has, for some name."""

    def __post_init__(self) -> None:
        every = frozenset().union(*(grant.permissions for grant in self.grants))
        object.__setattr__(self, "permissions", every)

    def may(self, permission: str, fqdn: Wire | None = None, types: Iterable[int] | None = None) -> bool:
        """Whether it is permitted, for a name (wire form, lower case; None = some name), for all of these types."""
        if permission not in self.permissions:
            return False
        filters = [grant.filter for grant in self.grants if permission in grant.permissions]
        if fqdn is not None:
            filters = [each for each in filters if each.covers(fqdn)]
        if not filters:
            return False
        if types is not None:
            return all(any(each.types is None or number in each.types for each in filters) for number in types)
        return fqdn is None or permission not in CONTENTS or any(each.types is None for each in filters)

    def demand(self, permission: str, fqdn: Wire | None = None, types: Iterable[int] | None = None) -> None:
        """Forbidden unless may()."""
        wanted = None if types is None else list(types)
        if not self.may(permission, fqdn, wanted):
            place = f" for {name_to_text(fqdn)}" if fqdn is not None else ""
            what = f" with {', '.join(sorted(map(type_text, wanted)))}" if wanted else ""
            raise Forbidden(f"{permission} is not permitted to {self.name}{place}{what}")

    def types_of(self, permission: str, fqdn: Wire) -> frozenset[int] | None:
        """The types the permission covers at a name; None = all types. For answers that show what may be seen."""
        filters = [g.filter for g in self.grants if permission in g.permissions and g.filter.covers(fqdn)]
        if any(each.types is None for each in filters):
            return None
        return frozenset().union(*(each.types for each in filters if each.types is not None))

    def may_below(self, permission: str, apex: Wire) -> bool:
        """Whether it is permitted for all that is at or below a name, of every type, without a look at each name."""
        return any(permission in grant.permissions and grant.filter.covers_below(apex) for grant in self.grants)

    def within(self, tenant: str) -> "Actor":
        """The same, acting in another tenant (its id, or ALL_TENANTS); Forbidden without IMPERSONATE_TENANT."""
        if tenant == self.home:
            return self if tenant == self.tenant else replace(self, tenant=tenant)
        if Permission.IMPERSONATE_TENANT not in self.permissions:
            raise Forbidden(f"IMPERSONATE_TENANT is not permitted to {self.name}")
        return replace(self, tenant=tenant)

    def owns(self, tenant: str) -> bool:
        """Whether data of that tenant are within what this one acts in."""
        return self.tenant in (tenant, ALL_TENANTS)
