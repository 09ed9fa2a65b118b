"""Reads an answer from the wire into comparable values, and writes queries; small and quick beside a DNS library.

Owns: names in lower case, rdata with compression undone and its names in lower case. Never: judges an answer.
RFC 1035 4, 3597 4, 6891 6.1.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

# Fields of rdata that hold names: "n" a name, "s" a character string, a number that many octets; the rest as it is.
LAYOUT: dict[int, tuple[str | int, ...]] = {
    2: ("n",),
    3: ("n",),
    4: ("n",),
    5: ("n",),
    6: ("n", "n"),
    7: ("n",),
    8: ("n",),
    9: ("n",),
    12: ("n",),
    14: ("n", "n"),
    15: (2, "n"),
    17: ("n", "n"),
    18: (2, "n"),
    21: (2, "n"),
    24: (18, "n"),
    26: (2, "n", "n"),
    30: ("n",),
    33: (6, "n"),
    35: (4, "s", "s", "s", "n"),
    36: (2, "n"),
    39: ("n",),
    47: ("n",),
    64: (2, "n"),
    65: (2, "n"),
}
OPT = 41


class Malformed(Exception):
    """The answer cannot be read; the text says where."""


class Record(NamedTuple):
    """One RR in comparable form; `name` and names in `rdata` are wire form, lower case."""

    name: bytes
    rdtype: int
    rdclass: int
    ttl: int
    rdata: bytes


@dataclass(slots=True)
class Answer:
    """An answer taken apart."""

    size: int
    flags: int  # the 16 bits after the id
    rcode: int  # with the upper bits of OPT
    questions: tuple[tuple[bytes, int, int], ...]  # names with their case as echoed
    answer: list[Record]
    authority: list[Record]
    additional: list[Record]  # without OPT
    opt: tuple[int, int, int, tuple[tuple[int, bytes], ...]] | None  # size, version, flags, options
    owners: tuple[bytes, ...]  # owner names of the answer section with their case

    @property
    def aa(self) -> bool:
        """Authoritative answer."""
        return bool(self.flags & 0x0400)

    @property
    def tc(self) -> bool:
        """Truncated."""
        return bool(self.flags & 0x0200)


def read_name(wire: bytes, pos: int) -> tuple[bytes, int]:
    """A name with pointers followed, its case kept, and the position behind it."""
    parts: list[bytes] = []
    end = -1
    jumps = 0
    while True:
        size = wire[pos]
        if size == 0:
            parts.append(b"\0")
            break
        if size < 64:
            parts.append(wire[pos : pos + size + 1])
            pos += size + 1
        elif size >= 192:
            if end < 0:
                end = pos + 2
            target = ((size & 63) << 8) | wire[pos + 1]
            jumps += 1
            if target >= pos or jumps > 127:
                raise Malformed(f"pointer at {pos} does not point backwards")
            pos = target
        else:
            raise Malformed(f"label type {size:#x} at {pos}")
    return b"".join(parts), (pos + 1 if end < 0 else end)


def read_rdata(wire: bytes, pos: int, size: int, rdtype: int) -> bytes:
    """Rdata with its names expanded and lower case."""
    layout = LAYOUT.get(rdtype)
    if layout is None or size == 0:
        return wire[pos : pos + size]
    end = pos + size
    out: list[bytes] = []
    for part in layout:
        if part == "n":
            name, pos = read_name(wire, pos)
            out.append(name.lower())
        elif part == "s":
            step = wire[pos] + 1
            out.append(wire[pos : pos + step])
            pos += step
        else:
            assert isinstance(part, int)
            out.append(wire[pos : pos + part])
            pos += part
    if pos > end:
        raise Malformed(f"rdata of type {rdtype} is longer than its length says")
    out.append(wire[pos:end])
    return b"".join(out)


def parse(wire: bytes) -> Answer:
    """Takes an answer apart. Malformed when any octet is not accounted for."""
    try:
        return _parse(wire)
    except (IndexError, struct.error) as error:
        raise Malformed(f"ends too early: {error}") from None


def _parse(wire: bytes) -> Answer:
    _, flags, *counts = struct.unpack_from("!HHHHHH", wire)
    pos = 12
    questions = []
    for _ in range(counts[0]):
        name, pos = read_name(wire, pos)
        questions.append((name, *struct.unpack_from("!HH", wire, pos)))
        pos += 4
    sections: list[list[Record]] = [[], [], []]
    owners = []
    opt = None
    rcode = flags & 15
    for number in range(3):
        for _ in range(counts[number + 1]):
            name, pos = read_name(wire, pos)
            rdtype, rdclass, ttl, size = struct.unpack_from("!HHIH", wire, pos)
            pos += 10
            if pos + size > len(wire):
                raise Malformed("rdata goes beyond the end")
            if rdtype == OPT:
                if opt is not None or number != 2 or name != b"\0":
                    raise Malformed("OPT where it may not be")
                opt = (rdclass, (ttl >> 16) & 255, ttl & 0xFFFF, read_options(wire[pos : pos + size]))
                rcode |= (ttl >> 24) << 4
            else:
                if number == 0:
                    owners.append(name)
                sections[number].append(Record(name.lower(), rdtype, rdclass, ttl, read_rdata(wire, pos, size, rdtype)))
            pos += size
    if pos != len(wire):
        raise Malformed(f"{len(wire) - pos} octets behind the last record")
    return Answer(len(wire), flags, rcode, tuple(questions), *sections, opt, tuple(owners))


def read_options(data: bytes) -> tuple[tuple[int, bytes], ...]:
    """The options of an OPT record."""
    options = []
    pos = 0
    while pos < len(data):
        code, size = struct.unpack_from("!HH", data, pos)
        options.append((code, data[pos + 4 : pos + 4 + size]))
        pos += 4 + size
    if pos != len(data):
        raise Malformed("EDNS options overrun")
    return tuple(options)


def opt_record(size: int, *, do: bool = False, version: int = 0, options: bytes = b"", zflags: int = 0) -> bytes:
    """An OPT record for a query."""
    return struct.pack("!BHHBBHH", 0, OPT, size, 0, version, (0x8000 if do else 0) | zflags, len(options)) + options


def query(name: bytes, rdtype: int, rdclass: int = 1, flags: int = 0, opt: bytes = b"") -> bytes:
    """A query with id 0."""
    return struct.pack("!HHHHHH", 0, flags, 1, 0, 0, 1 if opt else 0) + name + struct.pack("!HH", rdtype, rdclass) + opt
