"""Clients that change records through nsblast's control socket, run as a process of its own so that they share no interpreter.

python -m perf_compare.writers DATABASE PORT SECONDS WRITERS NAMES [--rate N] [--ask SOCKETS] [--tell]

Each writer is one connection with one change under way: a new address for one host of one_zone. With --ask every change is
followed by questions from so many sockets (the system spreads them over the workers) until all give the new address.
Prints one JSON object, and with --tell an empty line before it, when the first change has ended; times in milliseconds.
"""

import argparse
import json
import os
import random
import select
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from nsblast.backend.wire import change_to_wire
from nsblast.control import PROTOCOL, SOCKET_NAME
from nsblast.zones.model import ChangeSet, MergeRRsets, RRset
from perf_compare.questions import A, Question, wire
from perf_compare.servers.common import ADDRESS
from perf_compare.statistics import percentile
from perf_compare.zones import SEED

APEX = b"\x03one\x07example\x00"
PATIENCE = 10.0
_LENGTH = struct.Struct("!I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def frame(number: int, host: int, ip: bytes) -> bytes:
    """A request that gives one host this address."""
    owner = b"\x08h%07d" % host + APEX
    change = ChangeSet(APEX, (MergeRRsets(owner, (RRset(A, 300, (ip,)),)),))

    def never(_: Any) -> str:
        raise AssertionError("no entries are sent")

    body = _encode({"v": PROTOCOL, "id": number, "op": "apply", "args": {"changes": [change_to_wire(change, never)]}})
    return _LENGTH.pack(len(body)) + body


def others(names: int) -> int:
    """Hosts below this number are the many writers', those above the asker's: nobody overwrites what it waits for."""
    return names * 9 // 10


class Writer:
    """One connection; one change at a time."""

    def __init__(self, database: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        folder = os.open(database, os.O_RDONLY | os.O_DIRECTORY)
        self.socket.connect(f"/proc/self/fd/{folder}/{SOCKET_NAME}")  # a socket's path holds 107 octets only
        os.close(folder)
        self.began = 0.0
        self._have = b""

    def send(self, data: bytes) -> None:
        """Begin a change."""
        self.began = time.perf_counter()
        self.socket.sendall(data)

    def take(self) -> bool:
        """Read what is there; True when the change has ended. RuntimeError when it failed."""
        self._have += self.socket.recv(65536)
        if len(self._have) < 4 or len(self._have) < 4 + _LENGTH.unpack_from(self._have)[0]:
            return False
        answer = _decode(self._have[4:])
        self._have = b""
        if "error" in answer or "error" in answer["value"][0]:
            raise RuntimeError(f"a change failed: {answer}")
        return True


class Asker:
    """Sockets whose questions spread over the workers."""

    def __init__(self, port: int, sockets: int) -> None:
        self._sockets = []
        for _ in range(sockets):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.settimeout(1)
            one.connect((ADDRESS, port))
            self._sockets.append(one)

    def wrong(self, host: int, ip: bytes) -> int:
        """How many of the answers do not end with the address."""
        query = wire(Question(f"h{host:07d}.one.example"), 1)
        for one in self._sockets:
            one.send(query)
        return sum(not one.recv(4096).endswith(ip) for one in self._sockets)


def write(
    database: Path, seconds: float, count: int, names: int, rate: float, *, tell: bool = False
) -> dict[str, float]:
    """Changes of many writers, as fast as they go or at a rate (changes a second in all)."""
    rng = random.Random(SEED)
    writers = [Writer(database) for _ in range(count)]
    poller = select.epoll()
    by_fd = {one.socket.fileno(): one for one in writers}
    for fd in by_fd:
        poller.register(fd, select.EPOLLIN)
    latencies: list[float] = []
    idle, number = list(writers), 0
    if tell:
        writers[0].send(frame(0, 0, b"\xc0\x00\x02\x01"))
        while not writers[0].take():
            pass
        print(flush=True)
    start = time.perf_counter()
    now = due = start
    while now < start + seconds or len(idle) < count:
        while idle and now < start + seconds and (not rate or due <= now):
            number += 1
            idle.pop().send(frame(number, rng.randrange(others(names)), number.to_bytes(4, "big")))
            due += 1 / rate if rate else 0
        for fd, _ in poller.poll(0.001 if rate else 1):
            if by_fd[fd].take():
                latencies.append((time.perf_counter() - by_fd[fd].began) * 1e3)
                idle.append(by_fd[fd])
        now = time.perf_counter()
    took = now - start
    shares = (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))
    return {
        "rate": len(latencies) / took,
        **{f"call_{name}_ms": percentile(latencies, share) for name, share in shares},
    }


def ask(database: Path, port: int, seconds: float, names: int, sockets: int) -> dict[str, float]:
    """One writer that looks after each change whether all workers have it."""
    writer, asker, rng = Writer(database), Asker(port, sockets), random.Random(SEED + 1)
    calls, seen = [], []
    stale, number = 0, 0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        number += 1
        host, ip = rng.randrange(others(names), names), (0xC0000000 + number).to_bytes(4, "big")
        writer.send(frame(number, host, ip))
        while not writer.take():
            pass
        calls.append((time.perf_counter() - writer.began) * 1e3)
        while wrong := asker.wrong(host, ip):
            stale += wrong
            if time.perf_counter() - writer.began > PATIENCE:
                raise RuntimeError(f"h{host:07d} was not changed everywhere after {PATIENCE:.0f} s")
        seen.append((time.perf_counter() - writer.began) * 1e3)
    return {
        "changes": len(calls),
        "call_p50_ms": percentile(calls, 0.5),
        "call_p99_ms": percentile(calls, 0.99),
        "visible_p50_ms": percentile(seen, 0.5),
        "visible_p99_ms": percentile(seen, 0.99),
        "stale_answers": stale,
    }


def main() -> int:
    """The command of the head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("writers", type=int)
    parser.add_argument("names", type=int)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--ask", type=int, default=0)
    parser.add_argument("--tell", action="store_true")
    given = parser.parse_args()
    if given.ask:
        told = ask(given.database, given.port, given.seconds, given.names, given.ask)
    else:
        told = write(given.database, given.seconds, given.writers, given.names, given.rate, tell=given.tell)
    json.dump(told, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
