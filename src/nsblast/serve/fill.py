"""Misses: what the compiled core did not find in memory is read from this worker's secondary and handed to the Engine.

Also keeps the secondary near the store: at most `catch_up` behind, and at once when control's eventfd asks.
Three rules make what comes from here as good as the cache (docs/architecture.md):
  - while the secondary has read further than head.done, misses wait: their zone is being changed this very moment;
  - what is never cached (neighbours in canonical order, the parent's side of an apex) is read only once the secondary has
    reached head.done: no pinned entry of the cache stands before it, and the Engine would not believe older news;
  - after each catch-up the fills are forgotten before the new position is told, because control lets go of pins then.
A question the store cannot answer (damaged file, no room for handles) is SERVFAIL for its client and no more than that.
"""

import contextlib
import os
import time
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Protocol

import dns.rcode

from nsblast._core.engine import (
    HAND_OVER,
    MISS,
    MISS_ENTRY,
    MISS_IN_ZONE,
    MISS_NSEC3_MATCH,
    MISS_NSEC_COVER,
    Engine,
)
from nsblast.errors import NsblastError
from nsblast.logs import log
from nsblast.serve.handover import bare_answer
from nsblast.store.reader import StoreReader

if TYPE_CHECKING:
    from nsblast._core.engine import _Store


class Filled(Enum):
    """What became of a miss."""

    DONE = "the Engine has it"
    LATER = "the secondary is ahead of what is visible, or behind and must not be: try again in a moment"
    FAILED = "the store cannot be read"


# Members of an Enum are looked up slowly, and every miss asks for one.
DONE, LATER, FAILED = Filled.DONE, Filled.LATER, Filled.FAILED


class Reader(Protocol):
    """What is wanted of the store; Follower below has it."""

    @property
    def position(self) -> int:
        """Number of the last commit that is seen whole."""

    @property
    def horizon(self) -> int:
        """Number of the last commit of which something may be seen."""

    def entries(self) -> "_Store":
        """How the Engine fetches missed entries itself; holds until the next catch_up()."""

    def catch_up(self) -> int:
        """Read what was committed since; the new position."""

    def fetch(self, kind: int, apex_labels: int, name: bytes) -> tuple[bytes, bytes]:
        """(owner, blob) for a miss; blob b"" = nothing."""


class Head(Protocol):
    """What is wanted of the shared segment."""

    @property
    def done(self) -> int:
        """Number of the last visible commit."""

    def worker_position(self, index: int, position: int) -> None:
        """Tell this worker's position."""


class Waiting(Protocol):
    """Sockets with messages that wait: UdpServer, TcpServer."""

    tcp: bool

    def misses(self) -> list[tuple[int, int, int, int, bytes]]: ...

    def fetch(self, store: "_Store") -> tuple[int, int]: ...

    def retry(self) -> int: ...

    def request(self, place: int) -> tuple[bytes, bytes]: ...

    def reply(self, place: int, answer: bytes) -> None: ...


class Relieved(Protocol):
    """Who answers in the loop's place while it is held up: UdpPort."""

    def relieve(self) -> None: ...

    def recall(self) -> None: ...

    def take_back(self) -> None: ...


class Follower:
    """A StoreReader of a secondary, asked in the Engine's words. What it sees changes in catch_up() only."""

    def __init__(self, reader: StoreReader) -> None:
        self.reader = reader
        self.position = reader.position
        self.horizon = reader.horizon

    def catch_up(self) -> int:
        """Read what was committed since; the new position."""
        self.position = self.reader.catch_up()
        self.horizon = self.reader.horizon
        return self.position

    def entries(self) -> "_Store":
        """How the Engine fetches missed entries itself; holds until the next catch_up()."""
        return (*self.reader.entry_source(), self.position)

    def fetch(self, kind: int, apex_labels: int, name: bytes) -> tuple[bytes, bytes]:
        """(owner, blob) for a miss."""
        reader = self.reader
        if kind == MISS_ENTRY:
            return name, reader.blob(name)
        if kind == MISS_IN_ZONE:
            found = reader.fetch_in(name, apex_labels)
        elif kind == MISS_NSEC_COVER:
            found = reader.nsec_cover(name, apex_labels)
        elif kind == MISS_NSEC3_MATCH:
            found = reader.nsec3_match(name, apex_labels)
        else:
            found = reader.nsec3_cover(name, apex_labels)
        return found.owner, found.blob

    def close(self) -> None:
        """The secondary and its own folder go."""
        self.reader.database.close()


# A packet asks for one entry after another (a chain, glue, proofs); more rounds than it can need means a defect.
_ROUNDS_MAX = 2048
_FAILURES_MAX = 20  # catch-ups failed in a row until another process shall try
_LOG_EVERY = 1.0
_RING_EVERY = 0.02


class Filler:
    """One worker's way to the store; used by its loop only."""

    def __init__(
        self,
        engine: Engine,
        reader: Reader,
        segment: Head,
        index: int,
        ring_fd: int,
        note: Callable[[bytes, bytes, bytes, bool], None] = lambda *_: None,
    ) -> None:
        """ring_fd: eventfd by which control hears of misses, which it then caches.

        note: told of every answer made in Python: (request, answer, client, whether over TCP).
        """
        self.note = note
        self.engine = engine
        self.relief: list[Relieved] = []
        """Told around each catch-up, which holds the interpreter's lock for milliseconds when much was committed."""
        self._reader = reader
        self._segment = segment
        self._index = index
        self._ring_fd = ring_fd
        self._failures = 0
        self._told = 0.0
        self._rung = 0.0

    def fill(self, kind: int, apex_labels: int, name: bytes) -> Filled:
        """Answer one miss, if it can be now."""
        if kind != MISS_ENTRY:
            self.catch_up_if_behind()
            if self._reader.position < self._segment.done:
                return LATER
        if self._reader.horizon > self._segment.done:
            return LATER
        try:
            owner, blob = self._reader.fetch(kind, apex_labels, name)
        except NsblastError as error:
            self._tell("the store cannot be read", error)
            return FAILED
        self.engine.fill(kind, apex_labels, name, owner, blob, self._reader.position)
        # A name that cannot be read is missed again by itself, and refused then.
        with contextlib.suppress(NsblastError):
            self.engine.fill_wishes(self._reader.entries())
        return DONE

    def tell_control(self) -> None:
        """After a round of misses: names that control shall cache lie in the ring. Not for each batch: control's waking costs more than they."""
        now = time.monotonic()
        if now - self._rung >= _RING_EVERY and self.engine.noted():
            self._rung = now
            with contextlib.suppress(BlockingIOError):
                os.eventfd_write(self._ring_fd, 1)

    def serve(self, port: Waiting) -> bool:
        """Fill and retry until no packet misses anything; True when some must be tried again in a moment."""
        for _ in range(_ROUNDS_MAX):
            fetched = self._fetch(port)
            if fetched and not fetched[1]:
                # Nearly always: entries of names, and now they are there.
                if not port.retry():
                    return False
                continue
            waiting = port.misses()
            outcomes: dict[tuple[int, int, bytes], Filled] = {}
            later = failed = False
            for _, status, kind, apex, name in waiting:
                if status == MISS and (kind, apex, name) not in outcomes and not (fetched and kind == MISS_ENTRY):
                    outcome = outcomes[kind, apex, name] = self.fill(kind, apex, name)
                    if outcome is not DONE:
                        later = later or outcome is LATER
                        failed = failed or outcome is FAILED
            if not outcomes and not (fetched and fetched[0]):
                return any(status != HAND_OVER for _, status, _, _, _ in waiting)
            if failed:
                self._refuse(port, waiting, outcomes)
            if not port.retry():
                return False
            if later:
                return True
        return True

    def _fetch(self, port: Waiting) -> tuple[int, int] | None:
        """All missed entries in one compiled call: (how many, packets that wait for something else); None when one by one is due."""
        if self._reader.horizon > self._segment.done:
            return None
        try:
            return port.fetch(self._reader.entries())
        except NsblastError:
            # Which one it is comes out below.
            return None

    def _refuse(
        self,
        port: Waiting,
        waiting: list[tuple[int, int, int, int, bytes]],
        outcomes: dict[tuple[int, int, bytes], Filled],
    ) -> None:
        """SERVFAIL to who asked for what the store cannot say."""
        for place, status, kind, apex, name in waiting:
            if status == MISS and outcomes.get((kind, apex, name)) is FAILED:
                packet, client = port.request(place)
                answer = bare_answer(packet, dns.rcode.SERVFAIL)
                self.note(packet, answer, client, port.tcp)
                port.reply(place, answer)

    def catch_up(self) -> None:
        """Follow the store to its end and tell control how far; StoreError when that fails again and again."""
        for one in self.relief:
            one.relieve()
        try:
            position = self._reader.catch_up()
        except NsblastError as error:
            self._failures += 1
            if self._failures >= _FAILURES_MAX:
                raise
            self._tell("the store cannot be followed", error)
            return
        finally:
            # All are told first: they share the Engine, and one that is flooded would hardly let go of it while another is waited for.
            for one in self.relief:
                one.recall()
            for one in self.relief:
                one.take_back()
        self._failures = 0
        self.engine.drop_fills()
        self._segment.worker_position(self._index, position)

    def catch_up_if_behind(self) -> None:
        """The timer's turn: nothing to do while nothing was committed."""
        if self._segment.done > self._reader.position:
            self.catch_up()

    def _tell(self, what: str, error: NsblastError) -> None:
        """One line a second at most: every query may meet the same damage."""
        now = time.monotonic()
        if now - self._told >= _LOG_EVERY:
            self._told = now
            log().error(what, reason=error.message)
