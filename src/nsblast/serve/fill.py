"""Misses: what the compiled core did not find in memory is read from this worker's secondary and handed to the Engine.

Also keeps the secondary near the store: at most `catch_up` behind, and at once when control's eventfd asks.
Two rules make what comes from here as good as the cache (docs/architecture.md):
  - while the secondary has read further than head.done, misses wait: their zone is being changed this very moment;
  - after each catch-up the fills are forgotten before the new position is told, because control lets go of pins then.
A question the store cannot answer (damaged file, no room for handles) is SERVFAIL for its client and no more than that.
"""

import time
from typing import Protocol

import dns.rcode

from nsblast._core.engine import HAND_OVER, MISS, Engine
from nsblast.errors import StoreError
from nsblast.logs import log
from nsblast.serve.handover import bare_answer


class Reader(Protocol):
    """What is wanted of the store (store/reader.py)."""

    @property
    def position(self) -> int:
        """Number of the last commit it has read."""

    def catch_up(self) -> int:
        """Read what was committed since; the new position."""

    def fetch(self, kind: int, apex_labels: int, name: bytes) -> tuple[bytes, bytes]:
        """(owner, blob) for a miss; blob b"" = nothing."""


class Head(Protocol):
    """What is wanted of the shared segment."""

    @property
    def done(self) -> int:
        """Number of the last visible commit."""

    def worker_register(self, index: int, pid: int, position: int) -> None:
        """Tell this worker's position."""


class Waiting(Protocol):
    """A socket with packets that wait: UdpServer."""

    def misses(self) -> list[tuple[int, int, int, int, bytes]]: ...

    def retry(self) -> int: ...

    def request(self, place: int) -> tuple[bytes, bytes]: ...

    def reply(self, place: int, answer: bytes) -> None: ...


# A packet asks for one entry after another (a chain, glue, proofs); more rounds than it can need means a defect.
_ROUNDS_MAX = 2048
_FAILURES_MAX = 20  # catch-ups failed in a row until another process shall try
_LOG_EVERY = 1.0


class Filler:
    """One worker's way to the store; used by its loop only."""

    def __init__(self, engine: Engine, reader: Reader, segment: Head, index: int, pid: int) -> None:
        self.engine = engine
        self._reader = reader
        self._segment = segment
        self._index = index
        self._pid = pid
        self._failures = 0
        self._told = 0.0

    def must_wait(self) -> bool:
        """Whether the secondary is ahead of what is visible."""
        return self._reader.position > self._segment.done

    def fill(self, kind: int, apex_labels: int, name: bytes) -> bool:
        """Answer one miss; False when the store cannot."""
        try:
            owner, blob = self._reader.fetch(kind, apex_labels, name)
        except StoreError as error:
            self._tell("the store cannot be read", error)
            return False
        self.engine.fill(kind, apex_labels, name, owner, blob, self._reader.position)
        return True

    def serve(self, port: Waiting) -> bool:
        """Fill and retry until no packet misses anything; True when some must be tried again in a moment."""
        for _ in range(_ROUNDS_MAX):
            waiting = port.misses()
            wanted = {(kind, apex, name) for _, status, kind, apex, name in waiting if status == MISS}
            if not wanted:
                return any(status != HAND_OVER for _, status, _, _, _ in waiting)
            if self.must_wait():
                return True
            failed = {miss for miss in wanted if not self.fill(*miss)}
            if failed:
                for place, status, kind, apex, name in waiting:
                    if status == MISS and (kind, apex, name) in failed:
                        port.reply(place, bare_answer(port.request(place)[0], dns.rcode.SERVFAIL))
            if not port.retry():
                return False
        return True

    def catch_up(self) -> None:
        """Follow the store to its end and tell control how far; StoreError when that fails again and again."""
        try:
            position = self._reader.catch_up()
        except StoreError as error:
            self._failures += 1
            if self._failures >= _FAILURES_MAX:
                raise
            self._tell("the store cannot be followed", error)
            return
        self._failures = 0
        self.engine.drop_fills()
        self._segment.worker_register(self._index, self._pid, position)

    def catch_up_if_behind(self) -> None:
        """The timer's turn: nothing to do while nothing was committed."""
        if self._segment.done > self._reader.position:
            self.catch_up()

    def _tell(self, what: str, error: StoreError) -> None:
        """One line a second at most: every query may meet the same damage."""
        now = time.monotonic()
        if now - self._told >= _LOG_EVERY:
            self._told = now
            log().error(what, reason=error.message)
