"""Control's first moments: ports bound, privileges dropped, the store open, "opened" told; only then all the rest of it is read.

Owns: this order. Workers wait for the store and for nothing else, and reading the admin API's modules takes longer than opening it: so
they come after it, unless privileges are to be dropped and the files may not be readable to whom control becomes.
"""

import asyncio
import os
import signal
import stat
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import uvloop

from nsblast._core.segment import Segment
from nsblast.admin.opened import Opened
from nsblast.admin.ports import bind
from nsblast.backend import spool
from nsblast.backend.store import OpenStore
from nsblast.process.life import Life

_PACKAGES = ("nsblast", "argon2", "dns", "httptools", "msgspec", "prometheus_client", "starlette", "uvicorn", "asyncio")
"""Whose files stand for all that is read late."""


def main(life: Life) -> None:
    """The child's main: returns when control was stopped in order."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(life))


def read_all() -> None:
    """Import what serves the admin API, and what that reads."""
    from nsblast.admin import process  # noqa: F401 - control's next step
    from nsblast.admin.app import endpoints

    endpoints()


async def _run(life: Life) -> None:
    loop = asyncio.get_running_loop()
    sockets = bind(life.settings)  # as long as we may
    if life.identity is not None and not _is_readable():
        read_all()
    life.become()
    end = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, end.set)
    segment = Segment(life.segment_fd, writer=True)
    first = segment.done == 0
    store = await loop.run_in_executor(None, OpenStore, life.settings, segment, partial(_wake_workers, life))
    spool.sweep(life.settings.db_path)
    life.channel.send(state="opened")
    read_all()
    from nsblast.admin.process import Control

    await Control(Opened(life, sockets, segment, store, first, end)).run()


def _wake_workers(life: Life) -> None:
    """Have every worker catch up now; any thread may call this."""
    for fd in life.wake_fds:
        os.eventfd_write(fd, 1)


def _is_readable() -> bool:
    """Whether anybody may read the installed packages."""
    for name in _PACKAGES:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            return False
        file = Path(spec.origin)
        try:
            if not file.stat().st_mode & stat.S_IROTH:
                return False
            needed = stat.S_IROTH | stat.S_IXOTH
            if file.parent.stat().st_mode & needed != needed:
                return False
            if any(not folder.stat().st_mode & stat.S_IXOTH for folder in file.parents):
                return False
        except OSError:
            return False
    return True
