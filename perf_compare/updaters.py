"""Clients that change records by dynamic update (RFC 2136), signed (HMAC-SHA256), over TCP; a process of its own.

python -m perf_compare.updaters PORT SECONDS CLIENTS

Each client is one connection with one update under way: a new name of one_zone with an address. Prints one JSON object; times in milliseconds.
"""

import argparse
import json
import random
import select
import socket
import struct
import sys
import time

from nsblast.transfer.mac import FUDGE, Record, mac_of, put_on
from perf_compare.servers.common import ADDRESS
from perf_compare.statistics import percentile
from perf_compare.zones import SEED

APEX = b"\x03one\x07example\x00"
KEY = "updater.test."
SECRET = bytes(range(32))
_KEY = b"\x07updater\x04test\x00"
_ALGORITHM = b"\x0bhmac-sha256\x00"
_HEAD = struct.Struct("!6H")


def message(ident: int, number: int) -> bytes:
    """One addition, signed, with its length in front."""
    zone = APEX + b"\0\6\0\1"
    name = b"\x09u%08d" % number + b"\xc0\x0c"
    record = name + b"\0\1\0\1\0\0\1\x2c\0\4" + (number & 0xFFFFFFFF).to_bytes(4, "big")
    plain = _HEAD.pack(ident, 0x2800, 1, 0, 1, 0) + zone + record
    signature = Record(plain, _KEY, _ALGORITHM, int(time.time()), FUDGE, b"", plain[:2], 0, b"")
    signed = put_on(signature._replace(mac=mac_of(signature, SECRET)))
    return struct.pack("!H", len(signed)) + signed


class Client:
    """One connection; one update at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((ADDRESS, port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self._have = b""

    def send(self, number: int) -> None:
        """Begin an update."""
        self.began = time.perf_counter()
        self.socket.sendall(message(number & 0xFFFF, number))

    def take(self) -> bool:
        """Read what is there; True when the update has ended. RuntimeError when it was not done."""
        got = self.socket.recv(65536)
        if not got:
            raise RuntimeError("the server closed a connection")
        self._have += got
        if len(self._have) < 2 or len(self._have) < 2 + struct.unpack_from("!H", self._have)[0]:
            return False
        if self._have[5] & 15:
            raise RuntimeError(f"an update was answered with rcode {self._have[5] & 15}")
        self._have = b""
        return True


def update(port: int, seconds: float, count: int, first: int) -> dict[str, float]:
    """As fast as they go."""
    clients = [Client(port) for _ in range(count)]
    poller = select.epoll()
    by_fd = {one.socket.fileno(): one for one in clients}
    for fd in by_fd:
        poller.register(fd, select.EPOLLIN)
    latencies: list[float] = []
    idle, number = list(clients), first
    start = now = time.perf_counter()
    while now < start + seconds or len(idle) < count:
        while idle and now < start + seconds:
            number += 1
            idle.pop().send(number)
        for fd, _ in poller.poll(1):
            if by_fd[fd].take():
                latencies.append((time.perf_counter() - by_fd[fd].began) * 1e3)
                idle.append(by_fd[fd])
        now = time.perf_counter()
    for one in clients:
        one.socket.close()
    shares = (("p50", 0.5), ("p99", 0.99))
    return {
        "updates_per_second": len(latencies) / (now - start),
        **{f"update_{name}_ms": percentile(latencies, share) for name, share in shares},
    }


def main() -> int:
    """Parse arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("clients", type=int)
    options = parser.parse_args()
    first = random.Random(SEED + time.time_ns()).randrange(10**7)  # names of another run are of no matter, but of size
    print(json.dumps(update(options.port, options.seconds, options.clients, first)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
