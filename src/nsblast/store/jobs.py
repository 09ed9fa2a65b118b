"""Changes on their way through the committer, and who waits for what comes of them.

Owns: Job, how a result reaches its future, who is told of commits. Never: what is committed when (writer.py, turn.py).
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias

from nsblast.errors import NsblastError
from nsblast.logs import log
from nsblast.store.commit import Event, Listener

Times: TypeAlias = tuple[int, float, float]
"""Of a commit: changes in it, seconds until it was synced, seconds from there until it was visible."""


@dataclass(slots=True)
class Job:
    """One change that was submitted."""

    change: Any
    future: "Future[Any] | asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop | None = None
    """Whose future it is; None: one that any thread may wait for."""
    prepared: Any = None
    failure: BaseException | None = None
    locked: bool = False
    """Whether it holds its zone, and lets it go when it is done."""
    here: bool = False
    """Whether it is committed in the thread of its loop."""


Ended = tuple[Job, Any, BaseException | None]
"""Job, result, error."""


def tell(ended: Iterable[Ended]) -> None:
    """Tell what came of jobs: each loop once."""
    in_loops: dict[asyncio.AbstractEventLoop, list[Ended]] = {}
    for each in ended:
        job, result, error = each
        if job.here:
            _tell_here([each])
        elif job.loop is not None:
            in_loops.setdefault(job.loop, []).append(each)
        elif isinstance(job.future, Future) and job.future.set_running_or_notify_cancel():
            if error is not None:
                job.future.set_exception(error)
            else:
                job.future.set_result(result)
    for loop, mine in in_loops.items():
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(_tell_here, mine)


def _tell_here(ended: list[Ended]) -> None:
    """In the loop of the jobs' futures."""
    for job, result, error in ended:
        if not job.future.done():  # else who waited was cancelled
            if error is not None:
                job.future.set_exception(error)
            else:
                job.future.set_result(result)


class Listeners:
    """Who is told of each commit: commit by commit, though several threads may come to tell."""

    def __init__(self) -> None:
        self._each: list[Listener] = []
        self._measuring: list[Callable[[int, float, float], None]] = []
        self._untold: deque[tuple[Event, Times]] = deque()
        self._lock = threading.Lock()

    def add(self, listener: Listener) -> None:
        """Tell this one of each commit from now on."""
        self._each.append(listener)

    def observe(self, told: Callable[[int, float, float], None]) -> None:
        """Tell this one the Times of each."""
        self._measuring.append(told)

    def note(self, event: Event, times: Times) -> None:
        """A commit is visible. In the order of commits."""
        self._untold.append((event, times))

    def tell(self) -> None:
        """Tell of all that were noted."""
        with self._lock:
            while self._untold:
                event, times = self._untold.popleft()
                for told in self._measuring:
                    try:
                        told(*times)
                    except Exception:
                        log().error("figures of a commit are lost", commit=event.number, exc_info=True)
                for listener in self._each:
                    with contextlib.suppress(NsblastError):
                        listener(event)
