"""What a child gets from its supervisor, and how it becomes an unprivileged process that never outlives it."""

import ctypes
import os
import signal
import socket
from dataclasses import dataclass

from nsblast.process.channel import Channel
from nsblast.process.privileges import Identity, drop
from nsblast.settings import Settings

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_libc = ctypes.CDLL(None, use_errno=True)


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


def call_process(name: str) -> None:
    """What ps and top show; the kernel keeps 15 octets."""
    _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
