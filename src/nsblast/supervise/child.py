"""Forking a child: what it does first and last. It never returns from fork into the supervisor's code."""

import gc
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from nsblast.errors import NsblastError, StartError
from nsblast.logs import log, setup
from nsblast.process.life import Life, call_process, die_with


def fork(main: Callable[[Life], None], life: Life, close: list[Any]) -> int:
    """Start a child that runs main and exits; the pid. close: what only the parent may hold."""
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    # What exists now is never freed in the child: its pages stay shared.
    gc.freeze()
    # No signal may reach the parent's handlers in the child.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _run(main, life, parent, before, close)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _run(main: Callable[[Life], None], life: Life, parent: int, mask: set[Any], close: list[Any]) -> None:
    """The child's whole life; never returns."""
    code = 70
    try:
        die_with(parent)
        call_process(f"nsblast {life.name}")
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        # Ctrl-C reaches the whole group of a terminal; stopping in order is the supervisor's business.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for thing in close:
            thing.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        setup(life.settings, life.name)
        main(life)
        code = 0
    except NsblastError as error:
        life.channel.send(failed=error.to_wire())
        code = error.exit_code
    except BaseException as error:
        log().error("process failed", exc_info=True)
        told = StartError(f"{life.name}: {type(error).__name__}: {error}")
        life.channel.send(failed=told.to_wire())
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
