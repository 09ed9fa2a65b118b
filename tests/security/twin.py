"""What the contract says an actor may do, worked out slowly and obviously, with plain strings; written without the product's code.

Owns: the reading of permissions and filters. Never: which request needs what (cases.py).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

WHOLE = frozenset({
    "READ_ZONE", "CREATE_ZONE", "UPDATE_ZONE", "DELETE_ZONE", "CONFIG_SLAVE", "READ_RR", "CREATE_RR", "UPDATE_RR", "DELETE_RR",
})  # fmt: skip
"""They concern records of every type unless types are named."""


@dataclass(frozen=True)
class Filter:
    """Of a role; parts that are None were not given."""

    fqdn: str | None = None
    recursive: bool = True
    regex: str | None = None
    types: tuple[str, ...] | None = None

    def form(self) -> dict[str, object]:
        """As the API takes it."""
        given = {"fqdn": self.fqdn, "regex": self.regex, "types": list(self.types) if self.types else None}
        return {"recursive": self.recursive, **{name: value for name, value in given.items() if value is not None}}

    def covers(self, name: str) -> bool:
        """Whether the name gets through."""
        if self.fqdn is not None and name != self.fqdn and not (self.recursive and name.endswith("." + self.fqdn)):
            return False
        return self.regex is None or re.fullmatch(self.regex, name) is not None


@dataclass(frozen=True)
class Role:
    """Permissions and where they count."""

    permissions: frozenset[str]
    filter: Filter = Filter()


def types_at(roles: Iterable[Role], permission: str, name: str) -> set[str] | None:
    """The types a permission is given for at a name; None = every type."""
    found: set[str] = set()
    for role in roles:
        if permission in role.permissions and role.filter.covers(name):
            if role.filter.types is None:
                return None
            found |= set(role.filter.types)
    return found


def may(
    roles: Iterable[Role],
    permission: str,
    name: str | None = None,
    types: Iterable[str] | None = None,
    any_type: bool = False,
) -> bool:
    """The rule of the contract. any_type: some type is enough."""
    roles = list(roles)
    if name is None:
        return any(permission in role.permissions for role in roles)
    if not any(permission in role.permissions and role.filter.covers(name) for role in roles):
        return False
    given = types_at(roles, permission, name)
    if given is None:
        return True
    if types is not None:
        return set(types) <= given
    return any_type or permission not in WHOLE
