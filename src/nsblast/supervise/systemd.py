"""What systemd wants of a Type=notify service: state messages, the watchdog's beat, sockets it opened for us.

Everything here does nothing when the environment does not ask for it. See sd_notify(3), sd_listen_fds(3).
"""

import os
import socket
import time
from collections.abc import Mapping

from nsblast.errors import SettingsError

_FIRST_FD = 3


class Notifier:
    """Messages to NOTIFY_SOCKET; failures are not ours to mend, so they are passed over."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.watchdog = 0.0  # seconds between beats, 0 = none wanted
        if environ.get("WATCHDOG_USEC", "").isdigit() and environ.get("WATCHDOG_PID", str(os.getpid())) == str(
            os.getpid()
        ):
            self.watchdog = int(environ["WATCHDOG_USEC"]) / 1e6 / 2

    def send(self, *lines: str) -> None:
        """One message."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
            try:
                notify.connect(address)
                notify.sendall("\n".join(lines).encode())
            except OSError:
                pass

    def ready(self, status: str) -> None:
        """Start-up or a reload is over."""
        self.send("READY=1", f"STATUS={status}", f"MAINPID={os.getpid()}")

    def reloading(self) -> None:
        """A reload begins; ready() ends it."""
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end has begun."""
        self.send("STOPPING=1")

    def beat(self) -> None:
        """Still alive."""
        self.send("WATCHDOG=1")


def inherited(environ: Mapping[str, str]) -> list[socket.socket]:
    """The DNS sockets systemd opened for this process, UDP and TCP; empty without socket activation."""
    if environ.get("LISTEN_PID") != str(os.getpid()) or not environ.get("LISTEN_FDS", "").isdigit():
        return []
    found = []
    for fd in range(_FIRST_FD, _FIRST_FD + int(environ["LISTEN_FDS"])):
        os.set_inheritable(fd, False)
        try:
            sock = socket.socket(fileno=fd)
        except OSError:
            raise SettingsError(f"systemd handed over descriptor {fd}, which is no socket") from None
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type not in (
            socket.SOCK_DGRAM,
            socket.SOCK_STREAM,
        ):
            raise SettingsError(f"systemd handed over descriptor {fd}, which is neither a UDP nor a TCP socket")
        sock.setblocking(False)
        found.append(sock)
    return found
