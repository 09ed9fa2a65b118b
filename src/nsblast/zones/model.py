"""What a zone holds and what may be asked to be done to it, as values.

Owns: the vocabulary of changes (operations, change-sets, differences). Never: the store, checks, I/O.
Owner names in operations are wire form as the user spelled them; they are folded where they are applied.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, TypeAlias, get_args

from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.types import CommitNumber, Rr, Wire

TTL_DEFAULT = 2_592_000
"""Seconds, of a new RRset whose TTL nobody said."""


class RRset(NamedTuple):
    """Type, TTL in seconds, rdata in wire form (uncompressed). Signatures go as one RRset of type RRSIG, whatever they cover."""

    type: int
    ttl: int
    rdatas: tuple[bytes, ...]


class Expect(Enum):
    """What must be true of the owner name before the operation."""

    ANY = "any"
    PRESENT = "present"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class CreateZone:
    """Make the zone, empty; the operations after it in the same change-set fill it. Conflict when it exists."""

    kind: ZoneKind = ZoneKind.PRIMARY
    tenant: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeleteZone:
    """Remove the zone, all its names and its journal. NotFound when there is none."""


@dataclass(frozen=True, slots=True)
class ConfigureZone:
    """Change what the zone record says beside the contents; None leaves a part as it is. The serial stands."""

    kind: ZoneKind | None = None
    tenant: str | None = None
    settings: dict[str, Any] | None = None
    expired: bool | None = None
    """Of a secondary; whatever brings it new contents, or makes it a primary, ends that."""


@dataclass(frozen=True, slots=True)
class ReplaceZone:
    """Make the contents exactly these entries; only the difference is written and journalled.

    entries: (owner key, entry blob), ascending by key without repeats, whole: empty non-terminals and flags included
    (zones.build.entries_of makes such a stream from RRsets). create: make the zone when it is not there, with kind, tenant
    and settings. Serial: that of the entries' SOA when it is newer (RFC 1982) than the zone's or the zone is new, else
    the zone's plus one; with keep_serial it is taken as it is, whatever it is (inbound transfers).
    """

    entries: Iterable[tuple[bytes, bytes]]
    create: bool = True
    keep_serial: bool = False
    kind: ZoneKind = ZoneKind.PRIMARY
    tenant: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


class NewZone(NamedTuple):
    """A primary zone to be made, whole: entries as ReplaceZone takes them, serial and all."""

    apex: Wire
    comment: str
    tenant: str
    """Id; "" is the first one's."""
    entries: list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class CreateZones:
    """Make many zones in one commit. A zone that is there already (Conflict), is not right or is given twice is left out and
    says why; the others appear together, or none does. History says that they were made, not what was in them.

    The result is a list[Result | NsblastError], in the order of the zones.
    """

    zones: Iterable[NewZone]
    actor: str = ""
    address: str = ""
    time: float | None = None


@dataclass(frozen=True, slots=True)
class RevertZone:
    """Make the contents what they were at a serial; the serial itself goes on. NotKept when the journal does not reach it."""

    serial: int


@dataclass(frozen=True, slots=True)
class PutName:
    """Make these the only RRsets of the name."""

    owner: Wire
    rrsets: tuple[RRset, ...]
    expect: Expect = Expect.ANY


@dataclass(frozen=True, slots=True)
class MergeRRsets:
    """Replace RRsets by type; one without rdata removes its type; other types stay."""

    owner: Wire
    rrsets: tuple[RRset, ...]
    expect: Expect = Expect.ANY


@dataclass(frozen=True, slots=True)
class AppendRRs:
    """Add RRs to what is there, no duplicates; an RRset's TTL becomes the one given (RFC 2181 5.2)."""

    owner: Wire
    rrsets: tuple[RRset, ...]
    expect: Expect = Expect.ANY


@dataclass(frozen=True, slots=True)
class DeleteRRs:
    """Take these RRs away (TTLs do not count); absent ones are passed over (RFC 2136 3.4.2.4)."""

    owner: Wire
    rrsets: tuple[RRset, ...]


@dataclass(frozen=True, slots=True)
class DeleteTypes:
    """Take whole RRsets away; absent ones are passed over. RRSIGs that cover a type go with it."""

    owner: Wire
    types: tuple[int, ...]
    expect: Expect = Expect.ANY


@dataclass(frozen=True, slots=True)
class DeleteName:
    """Take everything at the name away; what lies below stays. InputError at the apex."""

    owner: Wire
    expect: Expect = Expect.PRESENT


@dataclass(frozen=True, slots=True)
class EditName:
    """Make the name's RRsets what edit() says, who is given those it has just before; whatever edit() raises ends the change-set."""

    owner: Wire
    edit: Callable[[tuple[RRset, ...]], Iterable[RRset]]
    spell: bool = False
    """Take over the spelling of owner."""


NameOp: TypeAlias = PutName | EditName | MergeRRsets | AppendRRs | DeleteRRs | DeleteTypes | DeleteName
OF_NAMES: frozenset[type] = frozenset(get_args(NameOp))
Op: TypeAlias = CreateZone | DeleteZone | ConfigureZone | ReplaceZone | RevertZone | NameOp


class Contents(NamedTuple):
    """What a guard may look at: the zone as it stands just before the change-set."""

    exists: bool
    serial: int
    rrsets: Callable[[Wire], tuple[RRset, ...]]
    """The RRsets at an owner name; () when there is none."""
    record: ZoneRecord | None = None


Guard: TypeAlias = Callable[[Contents], None]
"""Raises when the change-set must not go on, and whoever submitted it gets what it raised: If-Match, prerequisites of RFC 2136."""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Operations on one zone, in order; all of them happen, or none. Each change-set is one serial."""

    apex: Wire
    ops: tuple[Op, ...]
    actor: str = ""
    address: str = ""
    comment: str = ""
    time: float | None = None
    """Seconds since 1970; the clock's when None."""
    dry_run: bool = False
    guard: Guard | None = None
    inbound: bool = False
    """It comes from the zone's master, or the catalog that made it: nobody else changes the contents of a secondary, or deletes a member."""


class Diff(NamedTuple):
    """RRs taken away and put in, the SOA among them."""

    removed: tuple[Rr, ...]
    added: tuple[Rr, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a change-set."""

    apex: Wire
    number: CommitNumber
    """0 for a dry run, and when nothing was to be changed."""
    serial_before: int | None
    """None: there was no zone."""
    serial: int | None
    """None: there is no zone now."""
    diff: Diff | None
    """None when it was too large to be kept."""
    names_changed: int = 0
