"""The Backend on an open store: in the control process, or in a command while no server runs.

Reads go to the reader, writes to the committer. Thread-safe as far as these are: control calls it from many threads, and the
committer groups what waits.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import Any, Protocol

import dns.name

from nsblast.access.accounts import Accounts
from nsblast.backend import Change, Entry, Zone
from nsblast.backend.history import Happened, History
from nsblast.errors import NotFound, NotRunning, NsblastError
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import ZoneRecord
from nsblast.types import CommitNumber, Labels, Wire
from nsblast.zones.model import ChangeSet, CreateZones, Result


class Writer(Protocol):
    """Who commits."""

    def submit(self, change: Any) -> Future[Any]:
        """Check, commit, make visible; what waits together shares a commit."""

    def submit_in_loop(self, change: Any, *, alone: bool = False) -> asyncio.Future[Any]:
        """The same, for a coroutine; see Committer."""


class LocalBackend:
    """See Backend."""

    def __init__(
        self,
        reader: StoreReader,
        writer: Writer | None,
        close: Callable[[], None],
        accounts: Callable[[], Accounts] | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self.past = History(reader)
        self._close = close
        self._accounts = accounts
        self.running = False

    @property
    def database(self) -> Database:
        """What it is open on."""
        return self._reader.database

    @property
    def accounts(self) -> Accounts:
        """All accounts, loaded when a command first asks for them."""
        if self._accounts is None:
            raise NotRunning("the store is open for reading only")
        return self._accounts()

    def zones(
        self, start: Wire | None = None, *, limit: int | None = None, backwards: bool = False, below: Wire | None = None
    ) -> Iterator[Zone]:
        """See Backend."""
        return islice((Zone(*each) for each in self._reader.zones(start, backwards=backwards, below=below)), limit)

    def zones_of(
        self, tenant: str, start: Wire | None = None, *, limit: int | None = None, backwards: bool = False
    ) -> Iterator[Zone]:
        """Zones of one tenant in canonical order after (before) `start`."""
        return islice((Zone(*each) for each in self._reader.zones_of(tenant, start, backwards=backwards)), limit)

    def zone(self, apex: Wire) -> ZoneRecord | None:
        """See Backend."""
        return self._reader.zone(apex)

    def find_zone(self, name: Wire) -> Zone | None:
        """See Backend."""
        found = self._reader.find_zone(name)
        return Zone(*found) if found is not None else None

    def entries(
        self,
        apex: Wire,
        start: Wire | None = None,
        *,
        below: Wire | None = None,
        limit: int | None = None,
        backwards: bool = False,
    ) -> Iterator[Entry]:
        """See Backend; with `below` only those at and below that name."""
        if self._reader.zone(apex) is None:
            shown = dns.name.from_wire(apex, 0)[0].to_text()
            raise NotFound(f"there is no zone {shown}", zone=shown)
        found = self._reader.entries(apex, start, below=below, backwards=backwards)
        return islice((Entry(*each) for each in found), limit)

    def entry(self, name: Wire, apex_labels: Labels | None = None) -> Entry | None:
        """See Backend."""
        found = self._reader.fetch(name) if apex_labels is None else self._reader.fetch_in(name, apex_labels)
        return Entry(found.owner, found.blob) if found.blob else None

    def history(self, apex: Wire, *, after: CommitNumber = 0, limit: int | None = None) -> Iterator[Change]:
        """See Backend."""
        record = self._reader.zone(apex)
        low = max(after + 1, record.incarnation if record is not None else 0)
        found = self.past.of_zone(apex, low=low, backwards=True)
        return islice(map(_change_of, found), limit)

    def apply(self, change: ChangeSet) -> Result:
        """See Backend."""
        return self.submit(change).result()

    def apply_many(self, changes: Sequence[ChangeSet]) -> list[Result | NsblastError]:
        """See Backend."""
        results: list[Result | NsblastError] = []
        for future in [self.submit(change) for change in changes]:
            try:
                results.append(future.result())
            except NsblastError as error:
                results.append(error)
        return results

    def tenant_id(self, ident: str) -> str:
        """See Backend."""
        found = self.accounts.tenant(ident)
        if found is None:
            raise NotFound(f"there is no tenant {ident}", kind="tenant", name=ident)
        return found.id

    def create_zones(self, change: CreateZones) -> list[Result | NsblastError]:
        """See Backend."""
        if self._writer is None:
            raise NotRunning("the store is open for reading only")
        made: list[Result | NsblastError] = self._writer.submit(change).result()
        return made

    def submit(self, change: ChangeSet) -> Future[Result]:
        """apply() for who does not wait in a thread."""
        if self._writer is None:
            raise NotRunning("the store is open for reading only")
        return self._writer.submit(change)

    def submit_in_loop(self, change: ChangeSet, *, alone: bool = False) -> asyncio.Future[Result]:
        """submit() for a coroutine of the running loop, at a fraction of the price; await it to have the result.

        alone: see Committer.
        """
        if self._writer is None:
            raise NotRunning("the store is open for reading only")
        return self._writer.submit_in_loop(change, alone=alone)

    def create_in_loop(self, change: CreateZones) -> "asyncio.Future[list[Result | NsblastError]]":
        """create_zones() for a coroutine."""
        if self._writer is None:
            raise NotRunning("the store is open for reading only")
        return self._writer.submit_in_loop(change)

    def command(self, op: str, **args: Any) -> Any:
        """See Backend."""
        raise NotRunning("no server runs on this database")

    def close(self) -> None:
        """See Backend."""
        self._close()


def _change_of(one: Happened) -> Change:
    return Change(
        one.place.number,
        one.serial_from or 0,
        one.serial_to or 0,
        one.time,
        one.actor,
        one.address,
        one.comment,
        one.diff,
        one.what,
        one.before,
        one.after,
    )
