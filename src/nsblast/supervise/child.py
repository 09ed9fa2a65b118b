"""A child of the supervisor: forking it, the channel both speak over, and what it does first and last.

The channel is a pair of SOCK_SEQPACKET sockets: whole JSON messages, and its end tells that the other side is gone.
  child → parent   {"state": "opened" | "ready"}, {"failed": error}, {"done": n}, {"pong": n},
                   {"ask": "stop" | "reload" | "set", "n": n, …}
  parent → child   {"settings": {…}, "n": n}, {"children": […]}, {"answer": n, …}, {"ping": n}
A child never outlives its supervisor (PR_SET_PDEATHSIG) and never returns from fork into the supervisor's code.
"""

import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from nsblast.errors import NsblastError, StartError
from nsblast.logs import log, setup
from nsblast.settings import Settings
from nsblast.supervise.privileges import Identity, drop

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_MESSAGE_MAX = 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


class Channel:
    """One end; never blocks the parent, the child may wait."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def send(self, **message: Any) -> bool:
        """Whether it could be sent."""
        try:
            self.sock.send(orjson.dumps(message, default=str), socket.MSG_NOSIGNAL)
        except OSError:
            return False
        return True

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other end is gone. BlockingIOError when there is none yet."""
        try:
            raw = self.sock.recv(_MESSAGE_MAX)
        except BlockingIOError:
            raise
        except OSError:
            return None
        return orjson.loads(raw) if raw else None

    def fileno(self) -> int:
        """For selectors."""
        return self.sock.fileno()

    def close(self) -> None:
        """Hang up."""
        self.sock.close()


def channel_pair() -> tuple[Channel, Channel]:
    """(parent's end, child's end)."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for sock in (ours, theirs):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MESSAGE_MAX)
        sock.setblocking(False)
    return Channel(ours), Channel(theirs)


@dataclass
class Life:
    """What a child gets from its supervisor."""

    name: str  # "control" or "worker N"
    index: int  # of the worker; -1 for control
    settings: Settings
    channel: Channel
    segment_fd: int
    wake_fds: list[int]  # one eventfd a worker: control asks it to catch up
    ring_fd: int  # eventfd to control: look at the rings
    sockets: list[socket.socket]  # from systemd; empty = bind
    identity: Identity | None
    cookie_secret: bytes  # for as long as the settings name none: one for all workers, kept over their replacement

    def become(self) -> None:
        """Drop privileges, for good. The kernel forgets the death signal then, so it is set again."""
        drop(self.identity)
        die_with(os.getppid())


def die_with(parent: int) -> None:
    """Get SIGKILL when the parent ends; at once if it already has."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


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
        _libc.prctl(_PR_SET_NAME, f"nsblast {life.name}".encode()[:15], 0, 0, 0)
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
    except BaseException as error:  # noqa: BLE001 - the last frame of the process
        log().error("process failed", exc_info=True)
        told = StartError(f"{life.name}: {type(error).__name__}: {error}")
        life.channel.send(failed=told.to_wire())
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
