"""What waits to be committed, and whose turn it is to commit: the committing thread's, or that of the loop which brings changes.

Owns: the queue, what a loop has gathered, the turn, when handing over is not worth it. Never: a commit.
Two threads that both have work hold each other up: who comes back from the disk waits up to five milliseconds for the interpreter, and
who is told of a commit does so again. A lone change besides waits for two threads to be woken, some 60 us each way. So a loop commits its
small changes itself: a lone one there and then, those that come together at its next turn, in one commit. Not so while the
disk is slow: whoever waits for it does nothing else; nor when there are very many. Then all go through the queue to the thread.
Changes are committed in the order they were left here: what is gathered goes into the queue before anything else does.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from nsblast.store.jobs import Job

LONE = 3
"""Commits of one change in a row after which the next is expected to be lone too."""
TOGETHER = 64
"""Changes a loop commits at once; more are left to the thread."""
SLOW = 0.002
"""Seconds a commit in a loop may wait, for the disk or for workers, in the mean of lately; beyond it all go to the thread for REST times as long."""
LATELY = 8
"""Commits that count in the mean, the last one most; one alone counts as LATELY * SLOW at most."""
REST = 10
STUCK = 1.0
"""Seconds after which one commit is enough: a worker hangs and the cache has no room, or the disk does."""
PATIENCE = 0.003
"""Seconds a loop waits for the thread's turn to end: mostly it only tidies up."""


class Turn:
    """The queue and the turn of one committer."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._mine = threading.Lock()
        self._gate = threading.Lock()
        self._put = 0
        """Jobs that were put in the queue; _got: that were taken from it in a turn."""
        self._got = 0
        self._gathered: deque[Job] = deque()
        self._lone = 0
        self._waited = 0.0
        """The mean."""
        self._rests_until = 0.0

    def put(self, job: Job | None) -> None:
        """Leave a job to the committing thread, or (None) ask it to end. Any thread."""
        with self._gate:
            self._leave_gathered()
            self._leave(job)

    def _leave(self, job: Job | None) -> None:
        """To the thread."""
        self._put += 1
        self._jobs.put(job)

    def _leave_gathered(self) -> None:
        while self._gathered:
            self._leave(self._gathered.popleft())

    def wait(self) -> None:
        """Until a commit under way in a loop has ended. Any thread without the turn."""
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
        if self._lone < LONE or time.monotonic() < self._rests_until or not self._mine.acquire(blocking=False):
            return False
        if self._put != self._got or self._gathered:
            self._mine.release()
            return False
        return True

    def gather(self, job: Job) -> bool:
        """Leave a small change to the loop that brings it, or to the thread where that is better; True: take_gathered() is due."""
        with self._gate:
            if self._gathered and self._gathered[0].loop is not job.loop:
                self._leave_gathered()  # it may have ended
            first = not self._gathered
            if not first or (self._put == self._got and time.monotonic() >= self._rests_until):
                self._gathered.append(job)
                return first
            self._leave(job)
            return False

    def take_gathered(self) -> list[Job]:
        """Take the turn and what was gathered; then end() must follow. Nothing, and no turn, when it was left to the thread."""
        mine = self._mine.acquire(timeout=PATIENCE)
        with self._gate:
            if mine and self._put == self._got and 0 < len(self._gathered) <= TOGETHER:
                jobs = list(self._gathered)
                self._gathered.clear()
                self._lone = self._lone + 1 if len(jobs) == 1 else 0
                return jobs
            if mine:
                self._mine.release()
            self._leave_gathered()
            return []

    def end(self, waited: float) -> None:
        """Give back the turn that take() or take_gathered() gave. waited: seconds for the disk and for workers."""
        self._waited += (min(waited, LATELY * SLOW) - self._waited) / LATELY
        if waited > STUCK:
            self._rests_until = time.monotonic() + waited * REST
        elif min(waited, self._waited) > SLOW:
            self._rests_until = time.monotonic() + self._waited * REST
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
