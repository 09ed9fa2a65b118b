"""Misses: what the compiled core did not find in memory is read from this worker's secondary and handed to the Engine.

Also keeps the secondary near the store: at most `catch_up` behind, and at once when control's eventfd asks.
Two rules make what comes from here as good as the cache (docs/architecture.md):
  - while the secondary has read further than head.done, misses wait: their zone is being changed this very moment;
  - after each catch-up the fills are forgotten before the new position is told, because control lets go of pins then.
"""

from typing import Protocol

from nsblast._core.engine import HAND_OVER, MISS, Engine


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


# A packet asks for one entry after another (a chain, glue, proofs); more rounds than it can need means a defect.
_ROUNDS_MAX = 2048


class Filler:
    """One worker's way to the store; used by its loop only."""

    def __init__(self, engine: Engine, reader: Reader, segment: Head, index: int, pid: int) -> None:
        self.engine = engine
        self._reader = reader
        self._segment = segment
        self._index = index
        self._pid = pid
        self.filled = 0
        self.catch_ups = 0

    def must_wait(self) -> bool:
        """Whether the secondary is ahead of what is visible."""
        return self._reader.position > self._segment.done

    def fill(self, kind: int, apex_labels: int, name: bytes) -> None:
        """Answer one miss."""
        owner, blob = self._reader.fetch(kind, apex_labels, name)
        self.engine.fill(kind, apex_labels, name, owner, blob, self._reader.position)
        self.filled += 1

    def serve(self, port: Waiting) -> bool:
        """Fill and retry until no packet misses anything; True when some must be tried again in a moment."""
        for _ in range(_ROUNDS_MAX):
            waiting = port.misses()
            wanted = {(kind, apex, name) for _, status, kind, apex, name in waiting if status == MISS}
            if not wanted:
                return any(status != HAND_OVER for _, status, _, _, _ in waiting)
            if self.must_wait():
                return True
            for kind, apex, name in wanted:
                self.fill(kind, apex, name)
            if not port.retry():
                return False
        return True

    def catch_up(self) -> None:
        """Follow the store to its end and tell control how far."""
        position = self._reader.catch_up()
        self.engine.drop_fills()
        self._segment.worker_register(self._index, self._pid, position)
        self.catch_ups += 1

    def catch_up_if_behind(self) -> None:
        """The timer's turn: nothing to do while nothing was committed."""
        if self._segment.done > self._reader.position:
            self.catch_up()
