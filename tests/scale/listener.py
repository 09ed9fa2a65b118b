"""Three secondaries that hear NOTIFYs, as a process of its own: one that answers at once, a slow one, a dead one.

    python listener.py ADDRESS DELAY

Prints a line with the three ports, then for each line it reads one of JSON: for each of them "messages", "zones" (how many it heard of),
"at" (time.time() when it last heard of a zone or serial that was new to it) and "serials" (how many zones by the serial heard last).
It is written for speed: whoever is measured shares the machine with it.
"""

import heapq
import json
import select
import socket
import sys
import time

HEADER = 12


class Secondary:
    """One socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.setblocking(False)
        self.socket.bind((address, 0))
        self.messages = 0
        self.at = 0.0
        self.known: dict[bytes, bytes] = {}

    def take(self, packet: bytes) -> bytes:
        """Remember; the answer."""
        end = packet.index(0, HEADER) + 5
        zone, serial = packet[HEADER:end], packet[-20:-16]
        self.messages += 1
        if self.known.get(zone) != serial:
            self.known[zone] = serial
            self.at = time.time()
        return packet[:2] + bytes((packet[2] | 0x80,)) + b"\0\0\1\0\0\0\0\0\0" + zone

    def told(self) -> dict[str, object]:
        """For the one who asks."""
        serials: dict[int, int] = {}
        for serial in self.known.values():
            number = int.from_bytes(serial, "big")
            serials[number] = serials.get(number, 0) + 1
        return {"messages": self.messages, "zones": len(self.known), "at": self.at, "serials": serials}


def main() -> None:
    """See the file's head."""
    address, delay = sys.argv[1], float(sys.argv[2])
    live, slow, dead = (Secondary(address) for _ in range(3))
    waiting: list[tuple[float, bytes, tuple[str, int]]] = []
    print(*(one.socket.getsockname()[1] for one in (live, slow, dead)), flush=True)
    while True:
        wait = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([live.socket, slow.socket, dead.socket, sys.stdin], [], [], wait)
        if sys.stdin in ready:
            if not sys.stdin.readline():
                return
            print(json.dumps([one.told() for one in (live, slow, dead)]), flush=True)
        for one in (live, slow, dead):
            if one.socket not in ready:
                continue
            for _ in range(64):
                try:
                    packet, place = one.socket.recvfrom(4096)
                except BlockingIOError:
                    break
                answer = one.take(packet)
                if one is live:
                    one.socket.sendto(answer, place)
                elif one is slow:
                    heapq.heappush(waiting, (time.monotonic() + delay, answer, place))
        while waiting and waiting[0][0] <= time.monotonic():
            _, answer, place = heapq.heappop(waiting)
            slow.socket.sendto(answer, place)


if __name__ == "__main__":
    main()
