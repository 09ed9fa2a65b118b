"""The channel between the supervisor and one child.

A pair of SOCK_SEQPACKET sockets: whole JSON messages, and its end tells that the other side is gone.
  child → parent   {"state": "opened" | "ready"}, {"failed": error}, {"done": n}, {"pong": n},
                   {"ask": "stop" | "reload" | "set", "n": n, …}
  parent → child   {"settings": {…}, "n": n}, {"children": […]}, {"answer": n, …}, {"ping": n}
"""

import socket
from collections.abc import Callable
from typing import Any

import orjson

_MESSAGE_MAX = 1 << 18


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

    def hear(self, ended: Callable[[], None], **handlers: Callable[[dict[str, Any]], None]) -> None:
        """For a child: its next message, if there is one, goes to the handler of its kind; a ping is answered here."""
        try:
            message = self.receive()
        except BlockingIOError:
            return
        if message is None:
            ended()
            return
        if "ping" in message:
            self.send(pong=message["ping"])
        for kind, handler in handlers.items():
            if kind in message:
                handler(message)

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
