"""What waits to be committed, and whose turn it is to commit: the committing thread's, or a lone change's own thread's.

Owns: the queue, the turn, when handing over is not worth it. Never: a commit.
A change that goes through the queue waits for two threads to be woken, some 60 us each way: a tenth of what a lone writer waits for.
So who brings the only change there is may commit it there and then. Not so when changes come together: they would no longer share
a commit; nor while the disk is slow: whoever waits for it does nothing else.
"""

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nsblast.store.jobs import Job

LONE = 3
"""Commits of one change in a row after which the next is expected to be lone too."""
SLOW = 0.002
"""Seconds a lone commit may take; after a longer one all go to the thread for REST times as long as it took."""
REST = 10


class Turn:
    """The queue and the turn of one committer."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._mine = threading.Lock()
        self._gate = threading.Lock()
        self._put = 0
        """Jobs that were put in the queue; _got: that were taken from it in a turn."""
        self._got = 0
        self._lone = 0
        self._began = 0.0
        self._rests_until = 0.0

    def put(self, job: Job | None) -> None:
        """Leave a job to the committing thread, or (None) ask it to end. Any thread."""
        with self._gate:
            self._put += 1
            self._jobs.put(job)

    def wait(self) -> None:
        """Until a lone commit under way has ended. Any thread without the turn."""
        with self._mine:
            return

    def left(self) -> Iterator[Job]:
        """Jobs nobody will commit any more."""
        while not self._jobs.empty():
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is not None:
                yield job

    # -- who brings a change --

    def take(self) -> bool:
        """Take the turn if nothing else waits and lone changes are what is expected; then end() must follow."""
        now = time.monotonic()
        if self._lone < LONE or now < self._rests_until or not self._mine.acquire(blocking=False):
            return False
        if self._put != self._got:
            self._mine.release()
            return False
        self._began = now
        return True

    def end(self) -> None:
        """Give back the turn that take() gave."""
        now = time.monotonic()
        if now - self._began > SLOW:
            self._rests_until = now + (now - self._began) * REST
        self._mine.release()

    # -- the committing thread --

    @contextmanager
    def of_thread(self, wait: float) -> Iterator[Iterator[Job | None]]:
        """The thread's turn, once something waits or so many seconds have passed: what waits."""
        first: list[Job | None] = []
        try:
            first.append(self._jobs.get(timeout=wait) if wait else self._jobs.get_nowait())
        except queue.Empty:
            pass
        with self._mine:
            began = self._got
            yield self._waiting(first)
            taken = self._got - began
            if taken:
                self._lone = self._lone + 1 if taken == 1 else 0

    def _waiting(self, first: list[Job | None]) -> Iterator[Job | None]:
        while True:
            if first:
                job = first.pop()
            else:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    return
            self._got += 1
            yield job
