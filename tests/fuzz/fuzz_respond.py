"""Any bytes give silence or a well-formed answer no longer than allowed, with the same id.

Input: one octet of choices (1 TCP, 2 from fills alone, 4 half of the entries cached, 8 ANY in full), then the message.
"""

import random

from tests.fuzz.world import Served, damage, judge, random_packet, segment


class Target:
    def __init__(self) -> None:
        self._segment, full = segment()
        self._half, half = segment(4 << 20, leave_out=2)
        self._served = {
            (source, big): Served(fd, any_full=bool(big))
            for big in (0, 1)
            for source, fd in ((0, full), (2, -1), (4, half))
        }

    def one(self, data: bytes) -> tuple[int, ...]:
        choice, packet = (data[0], data[1:]) if data else (0, b"")
        tcp = bool(choice & 1)
        if len(packet) > 65535:
            packet = packet[:65535]
        served = self._served[2 if choice & 2 else choice & 4, choice >> 3 & 1]
        answer = served.ask(packet, tcp=tcp)
        return (choice & 1, *judge(packet, answer, tcp=tcp))

    def generate(self, rng: random.Random) -> bytes:
        packet = random_packet(rng)
        if rng.random() < 0.5:
            packet = damage(rng, packet)
        return bytes((rng.choice((0,) * 20 + (1,) * 10 + (8, 8, 9, 9, 2, 3, 4, 5, 6)),)) + packet

    def mutate(self, rng: random.Random, data: bytes) -> bytes:
        return damage(rng, data)
