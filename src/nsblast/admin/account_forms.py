"""JSON of accounts: what a request's body may hold, what an answer shows.

Owns: member names and defaults, both directions. Never: permissions, rules. Secrets come in and never go out, but for a new key's.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from nsblast.access.permissions import ORDINARY, Permission
from nsblast.access.records_v1 import Account, ApiKey, Role, Tenant, TsigKey, User
from nsblast.access.rules import wire
from nsblast.errors import InputError
from nsblast.records.names import name_to_text

_END_OF_TIME = 253402300800.0
"""Seconds from 1970 to the year 10000, which no calendar here reaches."""

Secret = Annotated[str, Meta(description="write-only")]
Password = Annotated[
    str, Meta(description="write-only; at least as many characters as the setting password_min says (12)")
]


class Body(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Every body refuses members it does not know."""


class TenantForm(Body, kw_only=True, frozen=True):
    """A new tenant, or the whole of one."""

    name: str
    id: str = ""
    """A UUID; made when it is not given."""
    active: bool = True
    allowed: list[str] | None = msgspec.field(default=None, name="allowedPermissions")
    root: str = ""
    properties: dict[str, str] = {}


class TenantPatch(Body, kw_only=True, frozen=True):
    """Members of a tenant to be changed."""

    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    allowed: list[str] | UnsetType = msgspec.field(default=UNSET, name="allowedPermissions")
    root: str | UnsetType = UNSET
    properties: dict[str, str] | UnsetType = UNSET


class FilterForm(Body, kw_only=True, frozen=True):
    """What of the DNS a role is for; all parts given must match."""

    fqdn: str = ""
    recursive: bool = True
    regex: str = ""
    types: list[str] = []


class RoleForm(Body, kw_only=True, frozen=True):
    """A role."""

    name: str
    permissions: list[str] = []
    filter: FilterForm | None = None


class UserForm(Body, kw_only=True, frozen=True):
    """A user; without a password, the one there is stays, or nobody can log in."""

    name: str
    roles: list[str] = []
    active: bool = True
    password: Password | None = None
    properties: dict[str, str] = {}


class KeyForm(Body, kw_only=True, frozen=True):
    """A new API key."""

    roles: list[str] = []
    expires: datetime | float | None = None
    """RFC 3339 time, or seconds since 1970; none = never."""
    networks: list[str] = []
    active: bool = True
    comment: str = ""
    owner: str = ""
    """User it goes with; whoever asks when it is not given."""


class TsigForm(Body, kw_only=True, frozen=True):
    """A new TSIG key."""

    name: str
    algorithm: str = "hmac-sha256"
    secret: Secret = ""
    """Base64; made when it is not given."""
    transfer: bool = False
    update: bool = False
    notify: bool = False
    zones: list[str] = []
    names: list[str] = []
    regex: str = ""
    types: list[str] = []
    networks: list[str] = []
    active: bool = True


def fqdn(text: str) -> str:
    """As it is stored: absolute, lower case, with its final dot; "" stays."""
    if not text:
        return ""
    try:
        return name_to_text(wire(text))
    except UnicodeEncodeError:  # octets of a path or query that are no UTF-8
        raise InputError(f"not a domain name: {text!r}") from None


def tenant_of(form: TenantForm, ident: str) -> Tenant:
    """The record."""
    allowed = sorted(ORDINARY) if form.allowed is None else form.allowed
    return Tenant(
        id=ident,
        name=form.name,
        active=form.active,
        allowed=[str(name) for name in allowed],
        root=fqdn(form.root),
        properties=form.properties,
    )


def patched(tenant: Tenant, form: TenantPatch) -> Tenant:
    """The record with the members given."""
    given: dict[str, Any] = {
        name: getattr(form, name)
        for name in ("name", "active", "allowed", "root", "properties")
        if getattr(form, name) is not UNSET
    }
    if "root" in given:
        given["root"] = fqdn(given["root"])
    return msgspec.structs.replace(tenant, **given)


def role_of(form: RoleForm, tenant: str) -> Role:
    """The record."""
    given = form.filter or FilterForm()
    return Role(
        tenant=tenant,
        name=form.name,
        permissions=form.permissions,
        fqdn=fqdn(given.fqdn),
        recursive=given.recursive,
        regex=given.regex,
        types=given.types,
    )


def seconds(when: datetime | float | None) -> float:
    """Seconds since 1970; 0 = never. A time without a zone is UTC. InputError before 1970 and after the year 9999."""
    if when is None:
        return 0.0
    if isinstance(when, datetime):
        found = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    else:
        found = float(when)
    # 0 is kept as "never": who gives it as a time must not get a key without end.
    if not 0 < found < _END_OF_TIME:
        raise InputError(f"expires: {when} is not between 1970 and 9999", member="expires")
    return found


def shown_time(when: float) -> str | None:
    """RFC 3339 in UTC."""
    if not when:
        return None
    try:
        return datetime.fromtimestamp(when, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def show(record: Account, *, tenant: bool = False) -> dict[str, Any]:
    """What an answer has of a record; tenant: whose it is, where tenants are mixed."""
    told = _show(record)
    if tenant and not isinstance(record, Tenant):
        told["tenant"] = record.tenant
    return told


def _show(record: Account) -> dict[str, Any]:
    match record:
        case Tenant():
            return {
                "id": record.id,
                "name": record.name,
                "active": record.active,
                "allowedPermissions": record.allowed,
                "root": record.root,
                "properties": record.properties,
                "created": shown_time(record.created),
            }
        case Role():
            told: dict[str, Any] = {"name": record.name, "permissions": record.permissions}
            if record.fqdn or record.regex or record.types:
                told["filter"] = {
                    "fqdn": record.fqdn,
                    "recursive": record.recursive,
                    "regex": record.regex,
                    "types": record.types,
                }
            return told
        case User():
            return {
                "name": record.name,
                "roles": record.roles,
                "active": record.active,
                "properties": record.properties,
                "created": shown_time(record.created),
            }
        case ApiKey():
            return {
                "id": record.id,
                "owner": record.owner,
                "roles": record.roles,
                "active": record.active,
                "expires": shown_time(record.expires),
                "networks": record.networks,
                "comment": record.comment,
                "created": shown_time(record.created),
            }
        case TsigKey():
            names = (
                "name",
                "algorithm",
                "transfer",
                "update",
                "notify",
                "zones",
                "names",
                "regex",
                "types",
                "networks",
                "active",
                "source",
            )
            return {name: getattr(record, name) for name in names}
        case _:
            return {"name": record.name, "zone": record.zone, "created": shown_time(record.created)}


EVERY_PERMISSION = [permission.value for permission in Permission]
