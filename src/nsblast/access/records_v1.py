"""Version 1 of account records: what of tenants, users, roles and keys is stored, under which keys. Both directions.

Owns: these formats and the keys below `a`. Never: rules (rules.py), the index (index.py). As in store/values_v1.py: one version
octet and a MessagePack array; a field may be appended with a default, never moved, removed or given another meaning.
No record refers to another, so the collector need not walk them (gc=False): there may be a hundred thousand.
Secrets: passwords only as argon2id hashes, keys' secrets only as hashes; a TSIG secret must be kept as it is (RFC 8945 4.2).
"""

from typing import Any, TypeAlias

import msgspec

from nsblast._core.keys import name_key
from nsblast.errors import StoreCorrupt
from nsblast.records.names import name_from_text
from nsblast.store import layout
from nsblast.types import Wire

VERSION = 1
FIRST_TENANT = layout.FIRST_TENANT
"""The tenant made at the first start; zones that name no tenant are its."""


class Tenant(msgspec.Struct, array_like=True, kw_only=True, frozen=True, gc=False):
    """A customer: owns zones, users, roles and keys."""

    id: str
    """UUID, lower case with dashes."""
    name: str
    active: bool = True
    allowed: list[str] = []
    """Permissions its roles may have at most."""
    root: str = ""
    """Absolute name with final dot; its zones lie at or below it. Empty = anywhere."""
    properties: dict[str, str] = {}
    created: float = 0.0


class Role(msgspec.Struct, array_like=True, kw_only=True, frozen=True, gc=False):
    """Permissions, for what the filter lets through. Filter parts that are empty were not given."""

    tenant: str
    name: str
    permissions: list[str] = []
    fqdn: str = ""
    recursive: bool = True
    regex: str = ""
    types: list[str] = []
    created: float = 0.0


class User(msgspec.Struct, array_like=True, kw_only=True, frozen=True, gc=False):
    """Somebody with a password; names are unique on the server."""

    tenant: str
    name: str
    roles: list[str] = []
    active: bool = True
    password: str = ""
    """argon2id, as its PHC string; empty = none that would be right."""
    properties: dict[str, str] = {}
    created: float = 0.0


class ApiKey(msgspec.Struct, array_like=True, kw_only=True, frozen=True, gc=False):
    """A secret that stands for a set of roles."""

    tenant: str
    id: str
    secret: bytes
    """SHA-256 of the secret, which is random and long enough for that."""
    owner: str = ""
    """Name of the user who made it; the key goes with the user."""
    roles: list[str] = []
    active: bool = True
    expires: float = 0.0
    """Seconds since 1970; 0 = never."""
    networks: list[str] = []
    """Source networks it may be used from; none = any."""
    comment: str = ""
    created: float = 0.0


class TsigKey(msgspec.Struct, array_like=True, kw_only=True, frozen=True, gc=False):
    """A key of RFC 8945 and what a message signed with it may do."""

    tenant: str
    name: str
    """Absolute, lower case, with final dot."""
    algorithm: str
    secret: bytes
    transfer: bool = False
    update: bool = False
    notify: bool = False
    zones: list[str] = []
    """Apexes it is good for; none = all of the tenant's."""
    names: list[str] = []
    """Names at or below which it may update, "*.name" only below; none = all."""
    types: list[str] = []
    """Types it may update; none = all."""
    networks: list[str] = []
    active: bool = True
    created: float = 0.0
    regex: str = ""
    """What names it may update must match, as in a role's filter; empty = any."""
    source: str = ""
    """The file of the server's settings it was read from; empty = it was made by API or command."""


class Vzone(msgspec.Struct, array_like=True, kw_only=True, frozen=True, gc=False):
    """A subtree of a zone, given to another tenant without a zone cut."""

    tenant: str
    name: str
    """Absolute, lower case, with final dot."""
    zone: str
    """Apex of the zone it lies in."""
    incarnation: int
    """Of that zone: it does not pass to a later zone of the same name."""
    created: float = 0.0


class Audit(msgspec.Struct, array_like=True, kw_only=True, frozen=True, gc=False):
    """One account record changed: what it was and is, without secrets."""

    time: float
    actor: str
    address: str
    kind: str
    """"tenant", "user", "role", "apikey", "tsigkey" or "vzone"."""
    tenant: str
    name: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    comment: str = ""


Account: TypeAlias = Tenant | Role | User | ApiKey | TsigKey | Vzone

LETTERS: dict[type, bytes] = {
    Tenant: layout.ACCOUNT + b"t",
    User: layout.ACCOUNT + b"u",
    Role: layout.ACCOUNT + b"r",
    ApiKey: layout.ACCOUNT + b"k",
    TsigKey: layout.ACCOUNT + b"s",
    Vzone: layout.ACCOUNT + b"v",
}
KINDS: dict[type, str] = {
    Tenant: "tenant",
    User: "user",
    Role: "role",
    ApiKey: "apikey",
    TsigKey: "tsigkey",
    Vzone: "vzone",
}
WORDS: dict[type, str] = {**KINDS, ApiKey: "API key", TsigKey: "TSIG key", Vzone: "virtual zone"}
"""What messages call them."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODERS: dict[type, msgspec.msgpack.Decoder[Any]] = {
    kind: msgspec.msgpack.Decoder(kind) for kind in (*LETTERS, Audit)
}
_HEAD = bytes((VERSION,))


def key_of(record: Account) -> bytes:
    """Where the record is stored."""
    match record:
        case Tenant():
            return LETTERS[Tenant] + record.id.encode()
        case Role():
            return LETTERS[Role] + record.tenant.encode() + b"\0" + record.name.encode()
        case ApiKey():
            return LETTERS[ApiKey] + record.id.encode()
        case User():
            return LETTERS[User] + record.name.encode()
        case TsigKey() | Vzone():
            return LETTERS[type(record)] + name_key(wire_of(record.name))


def wire_of(name: str) -> Wire:
    """Wire form of a name that was checked before it was stored."""
    return name_from_text(name)


def encode(value: Account | Audit) -> bytes:
    """The stored octets."""
    return _HEAD + _ENCODER.encode(value)


def decode(kind: type, octets: bytes) -> Any:
    """The value of that kind; StoreCorrupt when it does not read as one."""
    if octets[:1] != _HEAD:
        raise StoreCorrupt(f"a stored {kind.__name__} has version {octets[:1].hex()}, this version reads {VERSION}")
    try:
        return _DECODERS[kind].decode(memoryview(octets)[1:])
    except msgspec.MsgspecError as error:
        raise StoreCorrupt(f"a stored {kind.__name__} cannot be read: {error}") from None


def shown(record: Account | None) -> dict[str, Any] | None:
    """As an audit record has it: every field but secrets."""
    if record is None:
        return None
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    for secret in ("password", "secret"):
        if secret in fields:
            fields[secret] = "(hidden)" if fields[secret] else ""
    return fields
