"""A master of any zone, as a process of its own: answers SOA over UDP and gives out small zones over TCP, as fast as it can.

    python master.py ADDRESS

Prints its port, then for each line it reads one of JSON: how many SOA queries, transfers and connections there were in each tenth of a
second since its start, and how many connections were open at once at most. A line with a number first sets the serial of all zones.
"""

import asyncio
import json
import struct
import sys
import time
from collections import Counter

import uvloop

HEADER = 12
AXFR, IXFR = 252, 251
SLICE = 0.1


class Master:
    """What all connections share."""

    def __init__(self) -> None:
        self.serial = 1
        self.began = time.monotonic()
        self.counts: dict[str, Counter[int]] = {"soa": Counter(), "transfers": Counter(), "connections": Counter()}
        self.open = self.most_open = 0

    def count(self, what: str) -> None:
        """One more now."""
        self.counts[what][int((time.monotonic() - self.began) / SLICE)] += 1

    def answer(self, packet: bytes) -> bytes:
        """To SOA, or to a transfer: SOA, NS, the address of www, SOA."""
        end = packet.index(0, HEADER) + 1
        rrtype = int.from_bytes(packet[end : end + 2], "big")
        soa = b"\xc0\x0c\0\6\0\1\0\0\0\x3c"
        rdata = b"\2ns\xc0\x0c\1h\xc0\x0c" + struct.pack("!5I", self.serial, 3600, 600, 86400, 60)
        soa += struct.pack("!H", len(rdata)) + rdata
        records = [soa]
        if rrtype in (AXFR, IXFR):
            self.count("transfers")
            records += [b"\xc0\x0c\0\2\0\1\0\0\0\x3c\0\5\2ns\xc0\x0c"]
            records += [b"\3www\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", soa]
        else:
            self.count("soa")
        head = packet[:2] + b"\x84\0\0\1" + struct.pack("!HHH", len(records), 0, 0)
        return head + packet[HEADER : end + 4] + b"".join(records)


class Udp(asyncio.DatagramProtocol):
    """The port."""

    def __init__(self, master: Master) -> None:
        self.master = master

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """It is open."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A query."""
        self.transport.sendto(self.master.answer(data), addr)


class Tcp(asyncio.Protocol):
    """One connection."""

    def __init__(self, master: Master) -> None:
        self.master = master
        self.held = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """It is open."""
        self.transport = transport
        self.master.count("connections")
        self.master.open += 1
        self.master.most_open = max(self.master.most_open, self.master.open)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self.master.open -= 1

    def data_received(self, data: bytes) -> None:
        """Some octets."""
        self.held += data
        while len(self.held) > 2 and len(self.held) >= 2 + int.from_bytes(self.held[:2], "big"):
            size = int.from_bytes(self.held[:2], "big")
            answer = self.master.answer(self.held[2 : 2 + size])
            self.held = self.held[2 + size :]
            self.transport.write(struct.pack("!H", len(answer)) + answer)


async def main() -> None:
    """See the file's head."""
    loop = asyncio.get_running_loop()
    master = Master()
    server = await loop.create_server(lambda: Tcp(master), sys.argv[1], 0, backlog=1024)
    place = server.sockets[0].getsockname()[:2]
    await loop.create_datagram_endpoint(lambda: Udp(master), local_addr=place)
    print(place[1], flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line.strip():
            master.serial = int(line)
        told = {
            what: [counts[at] for at in range(max(counts, default=-1) + 1)] for what, counts in master.counts.items()
        }
        print(json.dumps({**told, "most_open": master.most_open}), flush=True)


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main())
