"""Changes on their way through the committer, and who waits for what comes of them.

Owns: Job, and how a result reaches its future. Never: what is committed when (writer.py, turn.py).
"""

import asyncio
import contextlib
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any


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
