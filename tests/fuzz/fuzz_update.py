"""Any UPDATE message is refused with a response code or read whole, and the server's answer to it is a message with its id and question.

Octets go through the reading of messages first (bounds, names, classes); what is read goes to the zones of tests/helpers/updating.py,
behind a rule that lets everybody in: an answer's code is one of RFC 2136 2.2, a zone is changed only with NOERROR, and then by one serial.
Input: a DNS message; its opcode is made UPDATE.
"""

import asyncio
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import dns.update

from nsblast.transfer.rules import Act
from nsblast.transfer.update_message import ANY, IN, NONE, Refused, read, read_zone
from tests.fuzz.world import damage
from tests.helpers.updating import APEX, CLIENT, Updating

CODES = frozenset((0, 1, 2, 3, 5, 6, 7, 8, 9, 10))
OWNERS = ("@", "www", "a.b", "b", "cut", "x.cut", "alias", "new", "*", "ns.child", "child", "deep.a.b")
TEXTS = {
    "A": ("192.0.2.1", "192.0.2.9"),
    "AAAA": ("2001:db8::1",),
    "NS": ("ns1", "ns.elsewhere.test."),
    "CNAME": ("www", "alias"),
    "MX": ("10 mail",),
    "TXT": ('"one"', '"two" "three"'),
    "SRV": ("1 2 3 www",),
    "SOA": ("ns1 h 500 1 1 1 1", "ns1 h 1 1 1 1 1"),
    "DNAME": ("www",),
    "TYPE65280": ("\\# 2 0102",),
}


class Target:
    def __init__(self) -> None:
        self._folder = TemporaryDirectory()
        self._place = Updating(Path(self._folder.name))
        self._place.rules[Act.UPDATE] = ("any",)
        self._left = 2000

    def close(self) -> None:
        """The store, and its folder."""
        self._place.backend.close()
        self._folder.cleanup()

    def one(self, data: bytes) -> tuple[int, ...]:
        # The core hands over whole headers only; signatures have their own tests.
        packet = data.ljust(12, b"\0")
        packet = packet[:2] + bytes((packet[2] & 0x07 | 0x28,)) + packet[3:10] + b"\0\0" + packet[12:]
        kind = self._read(packet)
        self._left -= 1
        if not self._left:
            self._left = 2000
            self._place.reset()
            self._place.rules[Act.UPDATE] = ("any",)
        before = self._serials()
        answer = asyncio.run(self._place.updates.serve(packet, CLIENT, True))
        after = self._serials()
        assert answer[:2] == packet[:2]
        assert answer[2] & 0xF8 == 0xA8
        code = answer[3] & 15
        assert code in CODES, code
        assert code != 2, "the server failed"
        moved = sum(one != two for one, two in zip(before, after, strict=True))
        assert moved <= (code == 0), "something was done although it was refused, or in two zones"
        assert answer[6:10] == bytes(4)
        if answer[4:6] == b"\0\1":  # the zone section as it came; dnspython refuses some classes there
            end = read_zone(packet).end
            assert answer[12:end] == packet[12:end]
        return code, *kind, moved

    def _serials(self) -> list[int]:
        return [self._place.serial(zone) for zone in (APEX, "child.example.")]

    def _read(self, packet: bytes) -> tuple[int, ...]:
        try:
            update = read(packet, read_zone(packet))
        except Refused as refused:
            return (0, int(refused.rcode))
        for rr in (*update.prerequisites, *update.updates):
            assert rr.owner.lower() == rr.name
            assert len(rr.owner) <= 255
            assert len(rr.rdata) <= 65535
        classes = {rr.rclass for rr in update.updates}
        return 1, IN in classes, ANY in classes, NONE in classes

    def generate(self, rng: random.Random) -> bytes:
        update = dns.update.UpdateMessage(rng.choice((APEX, APEX, APEX, "child.example.", "other.")))
        for _ in range(rng.choice((0, 0, 1, 2))):
            owner, kind = rng.choice(OWNERS), rng.choice(tuple(TEXTS))
            form = rng.randrange(5)
            if form < 2:
                (update.present, update.absent)[form](owner)
            elif form < 4:
                (update.present, update.absent)[form - 2](owner, kind)
            else:
                update.present(owner, kind, rng.choice(TEXTS[kind]))
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            owner, kind = rng.choice(OWNERS), rng.choice(tuple(TEXTS))
            form = rng.randrange(6)
            if form < 3:
                update.add(owner, rng.choice((0, 60, 300)), kind, rng.choice(TEXTS[kind]))
            elif form == 3:
                update.delete(owner, kind, rng.choice(TEXTS[kind]))
            elif form == 4:
                update.delete(owner, kind)
            else:
                update.delete(owner)
        wire = update.to_wire()
        return damage(rng, wire) if rng.random() < 0.4 else wire

    def mutate(self, rng: random.Random, data: bytes) -> bytes:
        return damage(rng, data)
