"""What one update may change: the key's scope, the zone's access rule, and whose the names are.

Owns: the decision for a name and a type. Never: what a rule or a key is (rules.py, access/), the zone's contents.
Whoever the zone's rule or the key's own scope lets in may change what belongs to the zone's tenant, or to the key's; a part of a zone
that was given to another tenant (a virtual zone) stays that tenant's, whose key may change it though it may nothing else of the zone.
Nobody puts a cut (NS, DNAME) above a part of the zone that is another tenant's. A key's names, regex and types narrow it down in any case; all that are given must fit.
"""

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from nsblast.access.accounts import Accounts
from nsblast.access.filters import Filter, compile_filter, name_of, types_of
from nsblast.access.records_v1 import FIRST_TENANT, TsigKey, Vzone
from nsblast.store.values_v1 import ZoneRecord
from nsblast.transfer.rules import Act, may
from nsblast.types import Wire

NS, DNAME, ANY = 2, 39, 255
Defaults = Mapping[Act, tuple[str, ...]]


class Scope:
    """One update's; asked for each of its records."""

    def __init__(self, accounts: Accounts, tenants: frozenset[str], key: TsigKey | None) -> None:
        self._accounts = accounts
        self._tenants = tenants
        self._filters = _names(tuple(key.names), key.regex) if key is not None else ()
        self._types = _types(tuple(key.types)) if key is not None else None
        self._asked: dict[Wire, bool] = {}

    def may(self, name: Wire, rrtype: int) -> bool:
        """Whether records of the type may be changed at the name (lower case). Type ANY asks for the name only."""
        if self._types is not None and rrtype != ANY and rrtype not in self._types:
            return False
        if rrtype in (NS, DNAME) and self._hides(name, rrtype):
            return False
        known = self._asked.get(name)
        if known is None:
            known = self._asked[name] = self._reaches(name)
        return known

    def _hides(self, name: Wire, rrtype: int) -> bool:
        owner = self._accounts.owner_of(name) if self._accounts.index.count(Vzone) else None
        if owner is None or (rrtype == NS and name == owner.zone):
            return False
        return self._accounts.hides(self._tenants.__contains__, owner.zone, name, itself=False)

    def _reaches(self, name: Wire) -> bool:
        if self._filters and not any(each.covers(name) and name != above for each, above in self._filters):
            return False
        if not self._accounts.index.count(Vzone):
            return True  # all of the zone is its tenant's, and what is not of the zone is asked elsewhere
        owner = self._accounts.owner_of(name)
        return owner is None or owner.tenant in self._tenants


def scope_of(
    accounts: Accounts, apex: Wire, record: ZoneRecord, client: bytes, key: TsigKey | None, defaults: Defaults
) -> Scope | None:
    """What a client, with the key that signed rightly, may change in a zone; None = nothing at all."""
    if key is not None:
        tenant = accounts.tenant(key.tenant)
        if tenant is None or not tenant.active:
            return None
    of_zone = record.tenant or FIRST_TENANT
    if may(Act.UPDATE, apex, record, client, key, defaults):
        return Scope(accounts, frozenset((of_zone, key.tenant if key is not None else of_zone)), key)
    if key is None or key.tenant == of_zone or not accounts.index.count(Vzone):
        return None
    # Would it be let in, were the zone its own tenant's? Then into that tenant's parts of it.
    own = msgspec.structs.replace(record, tenant=key.tenant, settings={})
    return Scope(accounts, frozenset((key.tenant,)), key) if may(Act.UPDATE, apex, own, client, key, {}) else None


@lru_cache(maxsize=4096)
def _names(names: tuple[str, ...], regex: str) -> tuple[tuple[Filter, Wire | None], ...]:
    """Filters, each with the name that it does not let through: *.name is good for what lies below the name, not for the name."""
    found = []
    for name in names:
        above = name.removeprefix("*.") if name != "*." else "."
        excepted = name_of(above, "names") if above != name else None
        found.append((compile_filter(fqdn=above, regex=regex, where="names"), excepted))
    if regex and not names:
        found.append((compile_filter(regex=regex, where="names"), None))
    return tuple(found)


@lru_cache(maxsize=4096)
def _types(names: tuple[str, ...]) -> frozenset[int] | None:
    return types_of(names, "types") if names else None
