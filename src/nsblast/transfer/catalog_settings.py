"""Zone settings of catalogs: that a zone is one, made here or followed; that a zone is a member of some; which catalog made a zone.

Owns: the forms under "catalog", "membership" and "from_catalog" of a zone's settings, their checks, and which zones belong to a catalog.
Never: records (catalog.py). A catalog is never a member of another. A catalog of all zones holds every tenant's; every other one holds
zones of its own tenant only.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from nsblast._core.name import fold
from nsblast.errors import InputError
from nsblast.records import name_from_text, name_to_text
from nsblast.store.layout import CATALOG_SETTING as SETTING
from nsblast.store.layout import FIRST_TENANT
from nsblast.store.layout import ORIGIN_SETTING as ORIGIN
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer.catalog import GROUP_LONGEST
from nsblast.transfer.rules import SETTING as ACCESS
from nsblast.types import Wire

MEMBERSHIP = "membership"
MASTER = "master"
GROUPS_MOST = 1000
CATALOGS_MOST = 100


class Membership(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True, omit_defaults=True):
    """A zone's place in catalogs that are made here."""

    catalogs: list[str] | UnsetType = UNSET
    """Exactly these; not given: each catalog of all zones, and of all the tenant's."""
    group: str = ""
    """The group property; empty = none."""
    coo: str = ""
    """The catalog the zone goes to, told in the others it is in; empty = none."""


class Origin(Struct, kw_only=True, frozen=True):
    """Which catalog made a zone."""

    catalog: str
    label: str
    """Hexadecimal, without its length."""
    groups: list[str] = []


class Producer(Struct, kw_only=True, frozen=True):
    """A catalog that is made here."""

    of: Literal["all", "tenant", "named"]


class Template(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True, omit_defaults=True):
    """What zones that a catalog makes are set up with."""

    master: dict[str, Any] = {}
    """As of /config/{zone}/master; empty = the catalog's own."""
    access: dict[str, list[str]] = {}
    """As of /config/{zone}/access."""


class Consumer(Struct, kw_only=True, frozen=True):
    """A catalog that is followed."""

    template: Template = Template()
    groups: dict[str, Template] = {}
    """By the group property: instead of the template."""


def role_of(record: ZoneRecord) -> Producer | Consumer | None:
    """What the zone is; None for ordinary ones, and for what an other version stored."""
    told = record.settings.get(SETTING)
    if not isinstance(told, dict):
        return None
    try:
        if told.get("role") == "producer" and record.kind is ZoneKind.PRIMARY:
            return msgspec.convert(told, Producer)
        if told.get("role") == "consumer" and record.kind is ZoneKind.SECONDARY:
            return msgspec.convert(told, Consumer)
    except msgspec.ValidationError:
        pass
    return None


def membership_of(record: ZoneRecord) -> Membership:
    """A zone's; the plain one when it has none."""
    told = record.settings.get(MEMBERSHIP)
    try:
        return msgspec.convert(told, Membership) if isinstance(told, dict) else Membership()
    except msgspec.ValidationError:
        return Membership()


def origin_of(record: ZoneRecord) -> Origin | None:
    """Which catalog made the zone; None = none did."""
    told = record.settings.get(ORIGIN)
    try:
        return msgspec.convert(told, Origin) if isinstance(told, dict) else None
    except msgspec.ValidationError:
        return None


def checked_membership(given: Membership) -> dict[str, Any]:
    """As it is stored; InputError."""
    told: dict[str, Any] = {}
    if given.catalogs is not UNSET:
        if len(given.catalogs) > CATALOGS_MOST:
            raise InputError(f"membership.catalogs: more than {CATALOGS_MOST}", member="membership.catalogs")
        told["catalogs"] = list(dict.fromkeys(_name(each, "membership.catalogs") for each in given.catalogs))
    if given.group:
        if len(given.group.encode("utf-8", "surrogatepass")) > GROUP_LONGEST:
            raise InputError(f"membership.group: longer than {GROUP_LONGEST} octets", member="membership.group")
        told["group"] = given.group
    if given.coo:
        told["coo"] = _name(given.coo, "membership.coo")
    return told


def _name(text: str, where: str) -> str:
    try:
        return name_to_text(fold(name_from_text(text)))
    except (InputError, UnicodeEncodeError):
        raise InputError(f"{where}: not a domain name: {text!r}", member=where) from None


def belongs(of: str, catalog: Wire, tenant: str, apex: Wire, record: ZoneRecord) -> Membership | None:
    """A zone's membership in a catalog that is made here; None when it is not in it. tenant: the catalog's."""
    if apex == catalog or SETTING in record.settings:
        return None
    if of != "all" and (record.tenant or FIRST_TENANT) != (tenant or FIRST_TENANT):
        return None
    found = membership_of(record)
    if found.catalogs is UNSET:
        return found if of != "named" else None
    return found if name_to_text(catalog) in found.catalogs else None


def settings_of(
    consumer: Consumer, catalog: Mapping[str, Any], had: Mapping[str, Any], origin: Origin
) -> dict[str, Any]:
    """Settings of a zone that a catalog makes. catalog: the catalog's own settings; had: the zone's before."""
    group = next((each for each in origin.groups if each in consumer.groups), None)
    template = consumer.groups[group] if group is not None else consumer.template
    settings = {name: value for name, value in had.items() if name not in (MASTER, ACCESS, ORIGIN)}
    master = template.master or consumer.template.master or catalog.get(MASTER)
    if master:
        settings[MASTER] = master
    if template.access:
        settings[ACCESS] = template.access
    settings[ORIGIN] = msgspec.to_builtins(origin)
    return settings
