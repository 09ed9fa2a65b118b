"""What the API answers and takes, as types.

Owns: names and kinds of members, as docs/api.md has them. Never: requests. Answers are structs, which ignore members that a newer
server adds. An Entry is a plain dict, so that what GET answers can be changed and PUT back with nothing lost.
"""

from typing import Any, Generic, Literal, NotRequired, TypedDict, TypeVar

from msgspec import Struct, field

T = TypeVar("T")

# -- entries


class Mx(TypedDict):
    """A mail exchanger."""

    host: str
    priority: NotRequired[int]


class Srv(TypedDict):
    """A service."""

    target: str
    port: int
    priority: NotRequired[int]
    weight: NotRequired[int]


class Soa(TypedDict, total=False):
    """Start of authority; the serial is shown only."""

    mname: str
    rname: str
    email: str
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


class Raw(TypedDict):
    """Any type by number."""

    type: int
    rdata: str
    """Base64."""


Texts = str | list[str] | None


class Entry(TypedDict, total=False):
    """All records of one name. An empty value removes its type in a PATCH. Other types stand under their lower-case mnemonic."""

    fqdn: str
    ttl: int
    ttls: dict[str, int]
    soa: Soa
    ns: Texts
    a: Texts
    aaaa: Texts
    cname: str | None
    mx: list[Mx] | Mx | None
    txt: str | list[str | list[str]] | None
    ptr: Texts
    srv: list[Srv] | Srv | None
    hinfo: dict[str, str] | list[dict[str, str]] | None
    rp: dict[str, str] | list[dict[str, str]] | None
    afsdb: dict[str, Any] | list[dict[str, Any]] | None
    caa: Texts
    tlsa: Texts
    sshfp: Texts
    svcb: Texts
    https: Texts
    naptr: Texts
    uri: Texts
    loc: Texts
    ds: Texts
    cds: Texts
    cdnskey: Texts
    dnskey: Texts
    dname: Texts
    dhcid: Texts
    openpgpkey: Texts
    smimea: Texts
    csync: Texts
    rr: list[Raw] | Raw | None


class Change(TypedDict):
    """One of several changes (POST /changes): of `fqdn`, or of `zone` as a whole."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    fqdn: NotRequired[str]
    zone: NotRequired[str]
    entry: NotRequired[Entry]
    types: NotRequired[str]
    append: NotRequired[bool]


class Found(Struct):
    """An entry as it is there."""

    entry: Entry
    etag: str
    """For if_match."""
    zone: str
    """The zone it stands in."""


class Page(Struct, Generic[T]):
    """A part of a list."""

    items: list[T]
    more: bool
    klast: str
    """Where the next one starts."""


# -- zones


class Zone(Struct):
    """A zone, as lists have it."""

    zone: str
    serial: int
    kind: str
    tenant: str = ""
    names: int = 0
    created: float = 0.0
    changed: float = 0.0
    etag: str = ""


class Vzone(Struct):
    """A subtree that was given to a tenant."""

    vzone: str
    zone: str
    tenant: str = ""


class Record(Struct):
    """One record of a difference."""

    name: str
    ttl: int
    type: str
    rdata: str


class Changed(Struct):
    """What came of a change of a zone or a name."""

    zone: str
    serial: int | None = None
    serial_before: int | None = None
    """Told by a dry run, and where diff was asked for; so are names_changed, removed and added."""
    names_changed: int | None = None
    removed: list[Record] | None = None
    """None also when they are too many."""
    added: list[Record] | None = None
    dry_run: bool = False
    created: bool = False
    """Whether it was not there before."""
    etag: str = ""
    replicated: bool | None = None
    """Whether the zone's secondaries have it, where `wait` was given; of POST /changes, those of all zones."""
    rcode: int = 200
    """Of POST /changes: how it went for this zone."""
    message: str = ""


class Happened(Struct):
    """One change of the past."""

    id: str
    time: float
    date: str
    user: str
    address: str
    comment: str
    kind: str
    what: str
    name: str
    serial_from: int | None = None
    serial_to: int | None = None
    tenant: str | None = None
    removed: list[Record] | None = None
    added: list[Record] | None = None
    before: Any = None
    after: Any = None


class Event(Struct):
    """Something became of a zone. kind `reset`: events were missed, list the zones anew."""

    id: str
    """For events(after=…)."""
    kind: str
    """created, changed, deleted or reset."""
    zone: str = ""
    serial: int | None = None
    time: float = 0.0


class Further(Struct):
    """A master that is asked when those before it do not do what they should."""

    hostname: str
    port: int = 53
    tsig: str = ""


class Master(Struct):
    """Where a secondary comes from."""

    hostname: str
    port: int = 53
    refresh: int = 600
    strategy: Literal["axfr", "ixfr"] = "ixfr"
    tsig: str = ""
    also: list[Further] = []


# -- accounts


class Tenant(Struct):
    """A tenant."""

    name: str
    id: str = ""
    active: bool = True
    allowed: list[str] = field(default_factory=list, name="allowedPermissions")
    root: str = ""
    properties: dict[str, str] = {}
    created: str | None = None


class Filter(Struct):
    """What of the DNS a role is for; all parts given must match."""

    fqdn: str = ""
    recursive: bool = True
    regex: str = ""
    types: list[str] = []


class Secondary(Struct):
    """Who is told of a zone's changes."""

    address: str
    port: int = 53
    tsig: str = ""
    """Name of the key; empty = none."""


class Role(Struct, omit_defaults=True):
    """A role."""

    name: str
    permissions: list[str] = []
    filter: Filter | None = None
    tenant: str = ""
    """Shown in lists of all tenants."""


class User(Struct):
    """A user."""

    name: str
    roles: list[str] = []
    active: bool = True
    properties: dict[str, str] = {}
    created: str | None = None
    tenant: str = ""
    """Shown in lists of all tenants."""


class ApiKey(Struct):
    """An API key."""

    id: str
    owner: str = ""
    roles: list[str] = []
    active: bool = True
    expires: str | None = None
    networks: list[str] = []
    comment: str = ""
    created: str | None = None
    key: str = ""
    """The secret: in the answer that makes it, and never again."""
    tenant: str = ""
    """Shown in lists of all tenants."""


class TsigKey(Struct):
    """A TSIG key."""

    name: str
    algorithm: str = "hmac-sha256"
    transfer: bool = False
    update: bool = False
    notify: bool = False
    zones: list[str] = []
    names: list[str] = []
    """At or below which it may update; "*.name" = only below."""
    types: list[str] = []
    networks: list[str] = []
    active: bool = True
    regex: str = ""
    """What names it may update must match."""
    source: str = ""
    """The file of the server's settings it comes from; empty = it was made by API or command."""
    secret: str = ""
    """Base64: in the answer that makes it, and never again."""
    tenant: str = ""
    """Shown in lists of all tenants."""


# -- the server


class Versions(Struct):
    """What runs there."""

    nsblast: str
    rocksdb: str
    python: str


class Backup(Struct):
    """A backup."""

    id: int
    uuid: str
    timestamp: int
    date: str
    size: int
    number_files: int
    version: str
    position: int
    comment: str = ""


class Verified(Struct):
    """What a backup that is whole holds."""

    id: int
    files: int
    octets: int
    zones: int
    names: int
    position: int
