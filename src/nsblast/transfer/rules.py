"""Access rules: from which addresses and with which keys a zone may be asked about, transferred, notified of, updated.

Owns: the form of a rule, the rule in force for a zone, what a key's scope allows. Never: signatures (tsig.py), accounts of the API.
A rule is a list of addresses, networks, `key:NAME`, `any` and `none`; whoever fits one of them may. A zone's own rule, in its
settings under "access", stands instead of the default of the same kind in the server's settings. A key whose scope names the
operation opens what its scope covers without any rule: the zones of its tenant, or those of them it lists; never from outside its networks.
A rule's key:NAME means a key of the zone's own tenant or of the first one: names become free, and another tenant may make a key of
that name.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from nsblast.access.records_v1 import TsigKey
from nsblast.errors import InputError
from nsblast.records.names import name_to_text
from nsblast.settings import Settings
from nsblast.settings_values import access_item
from nsblast.store.layout import FIRST_TENANT
from nsblast.store.values_v1 import ZoneRecord
from nsblast.types import Wire

SETTING = "access"
ITEMS_MOST = 1000
_KEY = "key:"


Defaults = Mapping["Act", tuple[str, ...]]


class Act(Enum):
    """What may be asked of a zone over DNS."""

    QUERY = "query"
    TRANSFER = "transfer"
    NOTIFY = "notify"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, ready to be asked."""

    everybody: bool
    networks: tuple[tuple[int, int, int], ...]
    """(4 or 16 octets, network, mask)"""
    keys: frozenset[str]

    def fits(self, client: bytes, key: TsigKey | None) -> bool:
        """Whether an address (4 or 16 octets) or the key that signed is on the list."""
        if self.everybody or (key is not None and key.name in self.keys):
            return True
        return _within(self.networks, client)

    def without_keys(self) -> "Rule":
        """Addresses only."""
        return Rule(self.everybody, self.networks, frozenset()) if self.keys else self


def checked(items: Iterable[str], where: str) -> list[str]:
    """A rule as it is stored; InputError names the item that is none."""
    found: list[str] = []
    for item in items:
        try:
            text = access_item(item)
        except ValueError as error:
            raise InputError(f"{where}: {error}", member=where) from None
        if text not in found:
            found.append(text)
    if len(found) > ITEMS_MOST:
        raise InputError(f"{where}: {len(found)} items, at most {ITEMS_MOST} are taken", member=where)
    if "none" in found and len(found) > 1:
        raise InputError(f"{where}: none stands alone", member=where)
    return found


@lru_cache(maxsize=4096)
def compiled(items: tuple[str, ...]) -> Rule:
    """Of items that were checked."""
    keys = frozenset(item.removeprefix(_KEY) for item in items if item.startswith(_KEY))
    networks = tuple(item for item in items if not item.startswith(_KEY) and item not in ("any", "none"))
    return Rule("any" in items, _networks(networks), keys)


@lru_cache(maxsize=4096)
def _networks(texts: tuple[str, ...]) -> tuple[tuple[int, int, int], ...]:
    found = []
    for text in texts:
        network = ipaddress.ip_network(text, strict=False)
        found.append((network.max_prefixlen // 8, int(network.network_address), int(network.netmask)))
    return tuple(found)


def _within(networks: tuple[tuple[int, int, int], ...], client: bytes) -> bool:
    if len(client) == 16 and client.startswith(b"\0" * 10 + b"\xff\xff"):
        client = client[12:]
    address = int.from_bytes(client, "big")
    return any(size == len(client) and address & mask == network for size, network, mask in networks)


def defaults_of(settings: Settings) -> dict[Act, tuple[str, ...]]:
    """The rules of zones that have none of their own."""
    return {
        Act.QUERY: settings.allow_query,
        Act.TRANSFER: settings.allow_transfer,
        Act.NOTIFY: settings.allow_notify,
        Act.UPDATE: settings.allow_update,
    }


def networks_of(items: tuple[str, ...]) -> list[tuple[bytes, bytes]] | None:
    """Networks and masks of a rule in octets, for the core; None = everybody. Its keys are not the core's business."""
    rule = compiled(items)
    if rule.everybody:
        return None
    return [(network.to_bytes(size, "big"), mask.to_bytes(size, "big")) for size, network, mask in rule.networks]


def rule_of(act: Act, settings: Mapping[str, Any], defaults: Defaults) -> Rule:
    """The rule in force for a zone with these settings."""
    own = settings.get(SETTING)
    items = own.get(act.value) if isinstance(own, dict) else None
    return compiled(tuple(items) if items is not None else defaults.get(act, ()))


def may(
    act: Act,
    apex: Wire,
    record: ZoneRecord,
    client: bytes,
    key: TsigKey | None,
    defaults: Defaults,
) -> bool:
    """Whether a client, with the key that signed rightly, may do that to the zone. What of it an update may change is scope's."""
    if key is not None:
        if not key.active or (key.networks and not _within(_networks(tuple(key.networks)), client)):
            return False
        if getattr(key, act.value) and covers(key, apex, record):
            return True
    return _for_key(rule_of(act, record.settings, defaults), record, key).fits(client, key)


def may_query(record: ZoneRecord, client: bytes, key: TsigKey | None, defaults: Defaults) -> bool:
    """Whether a client may look names of the zone up. A key that does not count here takes nothing away."""
    if key is not None and not (key.active and (not key.networks or _within(_networks(tuple(key.networks)), client))):
        key = None
    return _for_key(rule_of(Act.QUERY, record.settings, defaults), record, key).fits(client, key)


def _for_key(rule: Rule, record: ZoneRecord, key: TsigKey | None) -> Rule:
    """The rule as it is for a key: one of another tenant than the zone's, or the first, is not who the rule means."""
    if key is not None and (key.tenant or FIRST_TENANT) not in (record.tenant or FIRST_TENANT, FIRST_TENANT):
        return rule.without_keys()
    return rule


def covers(key: TsigKey, apex: Wire, record: ZoneRecord) -> bool:
    """Whether the zone is one of those the key is good for by itself."""
    if (record.tenant or FIRST_TENANT) != (key.tenant or FIRST_TENANT):
        return False
    return not key.zones or name_to_text(apex) in key.zones
