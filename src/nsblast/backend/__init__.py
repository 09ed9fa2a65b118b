"""One door to the data, whether a server runs or not.

Commands, the control socket and (later) the admin API ask a Backend. local.py works on an open store; remote.py asks the
running server's local one over the control socket; opening.py finds out which it is to be. All names are wire form.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from nsblast.errors import NsblastError
from nsblast.store.values_v1 import ZoneRecord
from nsblast.types import CommitNumber, Labels, Wire
from nsblast.zones.model import ChangeSet, CreateZones, Diff, Result


class Zone(NamedTuple):
    """A zone and its record."""

    apex: Wire
    record: ZoneRecord


class Entry(NamedTuple):
    """One owner name of a zone: its stored entry (_core.rrset)."""

    owner: Wire
    blob: bytes


class Change(NamedTuple):
    """One change-set of a zone's history."""

    number: CommitNumber
    serial_from: int
    serial_to: int
    time: float
    actor: str
    address: str
    comment: str
    diff: Diff | None
    """None when it was too large to be kept."""
    what: str = "changed"
    """"created", "changed", "deleted" or "configured"."""
    before: dict[str, Any] | None = None
    """Kind, tenant and settings, when they changed."""
    after: dict[str, Any] | None = None


class Backend(Protocol):
    """What may be asked. Every method may raise errors of errors.py; iterators may raise them at any step."""

    @property
    def running(self) -> bool:
        """Whether a server answers (else the store was opened by this process)."""

    def zones(
        self, start: Wire | None = None, *, limit: int | None = None, backwards: bool = False, below: Wire | None = None
    ) -> Iterator[Zone]:
        """Zones in canonical order after (before, when backwards) the name start."""

    def zone(self, apex: Wire) -> ZoneRecord | None:
        """The zone with exactly this apex."""

    def find_zone(self, name: Wire) -> Zone | None:
        """The deepest zone a name lies in."""

    def entries(
        self, apex: Wire, start: Wire | None = None, *, limit: int | None = None, backwards: bool = False
    ) -> Iterator[Entry]:
        """Entries of a zone in canonical order, one version of it throughout. NotFound when there is no such zone."""

    def entry(self, name: Wire, apex_labels: Labels | None = None) -> Entry | None:
        """The entry of a name, in its deepest zone or in the one whose apex has so many labels."""

    def history(self, apex: Wire, *, after: CommitNumber = 0, limit: int | None = None) -> Iterator[Change]:
        """Change-sets of a zone, newest first; of one that is gone, those of all zones of that name."""

    def apply(self, change: ChangeSet) -> Result:
        """Check and commit; durable, and visible in every worker of a running server, when it returns."""

    def apply_many(self, changes: Sequence[ChangeSet]) -> list[Result | NsblastError]:
        """Each by itself like apply(), in as few commits as can be; for each its result, or the error as a value."""

    def tenant_id(self, ident: str) -> str:
        """Id of the tenant of that id or name; NotFound."""

    def create_zones(self, change: CreateZones) -> list[Result | NsblastError]:
        """Many new zones in one commit: for each its result, or why there is none. Conflict: all must be tried one by one."""

    def command(self, op: str, **args: Any) -> Any:
        """An operation of the running server itself: status, set, reload, stop. NotRunning when none runs."""

    def close(self) -> None:
        """Let go of store or socket."""
