"""What passes between who knows the rules of a change and who writes it.

Owns: the values Applied and Event, and the shape of an apply function. Never: rules, I/O.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from nsblast.store.overlay import Overlay
from nsblast.store.values_v1 import JournalRecord, ZoneChange
from nsblast.types import CommitNumber, Wire

BULK = 5000
"""Changed names above which a commit does not go through the cache name by name."""


@dataclass(slots=True)
class Applied:
    """What one change-set did to its layer."""

    result: Any
    zone: ZoneChange | None = None
    """None: nothing is to be written."""
    journal: list[JournalRecord] = field(default_factory=list)
    forget: Wire | None = None
    """Apex of a zone whose journal goes."""


Apply: TypeAlias = Callable[[Any, Overlay, CommitNumber, float], Applied]
"""(change-set, layer to change, number of the commit, seconds since 1970); raises NsblastError when it cannot be."""


class Event(NamedTuple):
    """One commit, told to listeners after it is visible."""

    number: CommitNumber
    time: float
    zones: tuple[ZoneChange, ...]


Listener: TypeAlias = Callable[[Event], None]
"""Called in the committing thread; must not block."""
