"""What passes between who knows the rules of a change and who writes it.

Owns: the values Applied, Bulk and Event, and the face of Rules. Never: rules, I/O beyond a bulk change's files.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from nsblast.store.engine import Database
from nsblast.store.overlay import Layer, Overlay
from nsblast.store.values_v1 import JournalRecord, ZoneChange, ZoneRecord
from nsblast.types import CommitNumber, Wire

BULK = 5000
"""Changed names above which a commit does not go through the cache name by name."""


@dataclass(slots=True)
class Applied:
    """What one change-set did to its layer."""

    result: Any
    zone: ZoneChange | None = None
    """None: no zone is touched."""
    journal: list[JournalRecord] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    """Encoded records of the same change-set that follow those of `journal`."""
    octets: int = 0
    """Of the journal, roughly."""
    forget: Wire | None = None
    """Apex of a zone that goes, and with it the index of its journal by serial."""
    moved: tuple[str | None, str | None] | None = None
    """The zone's tenant before and after, when that changed; None = there is no zone."""
    audit: list[bytes] = field(default_factory=list)
    """Encoded audit records of a change of accounts."""
    actor: str = ""
    """Who made a change of accounts; a zone's journal says who made that."""
    taken: Callable[[], None] | None = None
    """Called in the committing thread when it is stored, before who asked hears of it."""

    @property
    def writes(self) -> bool:
        """Whether there is anything to be written."""
        return self.zone is not None or bool(self.audit)


class BulkEnd(NamedTuple):
    """What completes a bulk change once its commit number is known."""

    result: Any
    record: ZoneRecord
    zone: ZoneChange
    journal: list[JournalRecord]
    octets: int
    special: bool
    """Whether the apex has ZONE_SPECIAL now."""


@dataclass(slots=True)
class Bulk:
    """A change too large for a batch: its entries lie in sorted files, waiting to be ingested."""

    apex: Wire
    files: list[Path]
    hashes: list[bytes]
    """Of the names gained, as the filter takes them."""
    end: Callable[[CommitNumber, float], BulkEnd]

    def discard(self) -> None:
        """Remove what was not ingested."""
        for file in self.files:
            file.unlink(missing_ok=True)


class NewbornEnd(NamedTuple):
    """What completes a commit of new zones once its number is known; one of each for every zone, in its order."""

    result: Any
    records: list[ZoneRecord]
    journal: list[JournalRecord]


@dataclass(slots=True)
class Newborn:
    """Zones of which nothing was there, to be made by one ingestion: their entries lie in sorted files."""

    apexes: list[Wire]
    """In canonical order; may be none."""
    since: CommitNumber
    """The commit after which it was looked that none of them is there."""
    files: list[Path]
    hashes: list[bytes]
    """Of all names, as the filter takes them."""
    end: Callable[[CommitNumber, float], NewbornEnd]

    def discard(self) -> None:
        """Remove what was not ingested."""
        for file in self.files:
            file.unlink(missing_ok=True)


class Rules(Protocol):
    """Who knows what a change means; a change is any object of its own kind."""

    def zone_of(self, change: Any) -> Wire:
        """The zone whose changes must not be interleaved with this one."""

    def is_dry(self, change: Any) -> bool:
        """Whether the change is only to be tried."""

    def is_small(self, change: Any) -> bool:
        """Whether it is a moment's work, for which a loop may stand still, and never needs preparing."""

    def needs_preparing(self, change: Any, store: Layer) -> bool:
        """Whether it is too long a work for the committing thread."""

    def prepare(self, change: Any, database: Database, folder: Path) -> Any:
        """A Bulk, a Newborn, or a change that apply() takes. In another thread, while no other change of the zone is let in."""

    def apply(self, change: Any, view: Overlay, number: CommitNumber, now: float) -> Applied:
        """Work the change into an empty layer; raises NsblastError when it cannot be."""


class Event(NamedTuple):
    """One commit, told to listeners after it is visible."""

    number: CommitNumber
    time: float
    zones: tuple[ZoneChange, ...]
    records: tuple[bytes, ...] = ()
    """Keys of the account records touched."""


Listener: TypeAlias = Callable[[Event], None]
"""Called in the committing thread or the loop that committed, commit by commit; must not block."""
