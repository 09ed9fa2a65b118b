"""A secondary that only listens: takes NOTIFYs on a port of its own and answers them as a test wants."""

import select
import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import dns.message
import dns.name
import dns.rcode
import dns.tsig


class Heard(NamedTuple):
    """One NOTIFY."""

    at: float
    """time.monotonic()"""
    message: dns.message.Message
    source: tuple[str, int]

    @property
    def zone(self) -> str:
        """In lower case, absolute."""
        return self.message.question[0].name.to_text().lower()

    @property
    def serial(self) -> int:
        """Of the SOA it brings."""
        return int(self.message.answer[0][0].serial)


Answer = Callable[[dns.message.Message], bytes | None]


def noerror(message: dns.message.Message) -> bytes | None:
    """What a good secondary says."""
    return dns.message.make_response(message).to_wire()


def refused(message: dns.message.Message) -> bytes | None:
    """What one says that does not know us."""
    answer = dns.message.make_response(message)
    answer.set_rcode(dns.rcode.REFUSED)
    return answer.to_wire()


def silence(_: dns.message.Message) -> bytes | None:
    """What a dead one says."""
    return None


class FakeSecondary:
    """Listens from construction to close(); `answer` may be changed at any time."""

    def __init__(
        self,
        address: str = "127.0.0.1",
        answer: Answer = noerror,
        keyring: dns.tsig.Key | None = None,
        *,
        port: int = 0,
    ) -> None:
        self.answer = answer
        self.heard: list[Heard] = []
        self._keyring = keyring
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((address, port))
        self.address, self.port = self._socket.getsockname()[:2]
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def item(self) -> str:
        """As the setting `notify` has it."""
        return f"{self.address}@{self.port}"

    def _run(self) -> None:
        while not self._end.is_set():
            if not select.select([self._socket], [], [], 0.05)[0]:
                continue
            packet, source = self._socket.recvfrom(65535)
            message = dns.message.from_wire(packet, keyring=self._keyring)
            self.heard.append(Heard(time.monotonic(), message, source))
            answer = self.answer(message)
            if answer is not None:
                self._socket.sendto(answer, source)

    def wait(self, enough: Callable[[list[Heard]], bool], seconds: float = 10.0) -> list[Heard]:
        """What was heard, once it is enough; AssertionError after so many seconds."""
        deadline = time.monotonic() + seconds
        while not enough(list(self.heard)):
            assert time.monotonic() < deadline, f"heard only {[(each.zone, each.serial) for each in self.heard[:20]]}"
            time.sleep(0.005)
        return list(self.heard)

    def close(self) -> None:
        """Listen no more."""
        self._end.set()
        self._thread.join(5)
        self._socket.close()

    def __enter__(self) -> "FakeSecondary":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
