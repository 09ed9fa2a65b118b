"""Whatever a master sends, a transfer is a Fault or an answer that ended with the SOA it began with; what it then gives is in the zone.

Messages go the way of a transfer from a master without its socket: read, put in order, and, when the answer is whole, turned into entries or steps.
Input: one octet (odd: IXFR, from version 5), then messages, each behind two octets of length.
"""

import random
import struct
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset

from nsblast._core.keys import split_owner_key
from nsblast._core.rrset import unpack_entry
from nsblast.errors import InputError
from nsblast.transfer.inbound import Form, Incoming
from nsblast.transfer.inbound_message import AXFR, IXFR, SOA, Fault, Message, read, times_of
from tests.fuzz.fuzz_stream import messages
from tests.fuzz.world import damage

APEX = b"\7example\0"
IDENT = 0x1234
HAVE = 5
MOST = 1 << 20
LINES = (
    ("www.example.", "A", "192.0.2.1"),
    ("WWW.example.", "A", "192.0.2.2"),
    ("a.b.example.", "TXT", '"deep"'),
    ("*.example.", "MX", "10 www.example."),
    ("cut.example.", "NS", "ns.cut.example."),
    ("ns.cut.example.", "A", "192.0.2.3"),
    ("alias.example.", "CNAME", "www.example."),
    ("alias.example.", "A", "192.0.2.4"),
    ("example.", "NS", "ns.example."),
    ("example.", "NS", "ns2.example."),
    ("other.test.", "A", "192.0.2.5"),
    ("odd.example.", "TYPE65280", "\\# 1 00"),
    ("srv.example.", "SRV", "1 2 3 www.example."),
)


class Target:
    def __init__(self) -> None:
        self._folder = TemporaryDirectory()

    def close(self) -> None:
        """The folder of what would be sorted on disk."""
        self._folder.cleanup()

    def one(self, data: bytes) -> tuple[int, ...]:
        rrtype = IXFR if data[:1] and data[0] & 1 else AXFR
        have = HAVE if rrtype == IXFR else None

        def again(plain: bytes) -> Message:
            return read(plain, IDENT, APEX, rrtype)

        incoming = Incoming(APEX, have, memory=16 << 20, folder=Path(self._folder.name), most=MOST, reread=again)
        try:
            first: tuple[bytes, int, int, bytes] | None = None
            last = None
            for plain in messages(data[1:]):
                message = again(plain)
                incoming.take(plain, message)
                if message.rrs:
                    first, last = first or message.rrs[0], message.rrs[-1]
                if incoming.ended:
                    break
            if not incoming.ended:
                return 1, list(Form).index(incoming.form)
            assert first is not None
            assert last is not None
            assert first[1] == SOA
            assert first[3][-20:] == last[3][-20:] or incoming.form is Form.CURRENT
            return self._use(incoming)
        except Fault:
            return (0,)
        except InputError:
            return (4,)
        finally:
            incoming.close()

    def _use(self, incoming: Incoming) -> tuple[int, ...]:
        if incoming.form is Form.WHOLE:
            keys = []
            for key, blob in incoming.pairs():
                name, labels = split_owner_key(key)
                assert labels == 1
                assert name.endswith(APEX)
                unpack_entry(blob)
                keys.append(key)
            assert all(one < two for one, two in pairwise(keys))
            return 2, min(len(keys), 8)
        if incoming.form is Form.STEPS:
            at = HAVE
            steps = 0
            for step in incoming.steps():
                assert step.serial_from == at
                at = step.serial_to
                assert times_of(step.removed[0][3]).serial == step.serial_from
                steps += 1
            assert at == incoming.serial
            return 3, min(steps, 8)
        assert incoming.form is Form.CURRENT
        return (5,)

    def generate(self, rng: random.Random) -> bytes:
        differs = rng.random() < 0.5
        parts: list[list[dns.rrset.RRset]] = []
        serial = rng.choice((5, 6, 7, 7, 9, 4))
        body = [rng.choice(LINES) for _ in range(rng.randrange(6))]
        rrs = [soa(serial)]
        if differs and rng.random() < 0.8:
            at = HAVE
            while at < serial:
                rrs += [soa(at), *map(record, rng.choices(LINES, k=rng.randrange(3)))]
                at = rng.randint(at + 1, serial)
                rrs += [soa(at), *map(record, rng.choices(LINES, k=rng.randrange(3)))]
        else:
            rrs += [record(("example.", "NS", "ns.example.")), *map(record, body)]
        rrs.append(soa(serial if rng.random() < 0.9 else serial + 1))
        if rng.random() < 0.1:
            rrs.append(soa(serial))
        while rrs:
            count = rng.randint(1, len(rrs))
            parts.append(rrs[:count])
            rrs = rrs[count:]
        stream = b""
        for number, part in enumerate(parts):
            message = dns.message.make_query("example.", "IXFR" if differs else "AXFR", use_edns=False)
            message.id = IDENT if rng.random() < 0.98 else 1
            message.flags = dns.flags.QR | dns.flags.AA
            if number and rng.random() < 0.5:
                message.question.clear()
            message.answer = part
            wire = message.to_wire(max_size=65535)
            if rng.random() < 0.1:
                wire = damage(rng, wire)
            stream += struct.pack("!H", min(len(wire), 65535)) + wire[:65535]
        return bytes((int(differs),)) + stream

    def mutate(self, rng: random.Random, data: bytes) -> bytes:
        return damage(rng, data)


def soa(serial: int) -> dns.rrset.RRset:
    return dns.rrset.from_text("example.", 60, "IN", "SOA", f"ns.example. h.example. {serial} 1 1 1 1")


def record(line: tuple[str, str, str]) -> dns.rrset.RRset:
    return dns.rrset.from_text(line[0], 60, "IN", *line[1:])
