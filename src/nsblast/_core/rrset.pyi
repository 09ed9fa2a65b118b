"""The stored entry: format in rrset.pxd."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

IS_APEX: int
IS_CUT: int
IS_OCCLUDED: int
HAS_DNAME: int
HAS_CNAME: int
HAS_WILDCARD: int
IS_ENT: int
HAS_SIG: int
ZONE_NSEC: int
ZONE_NSEC3: int
ZONE_SPECIAL: int
ONLY_NSEC3: int

class EntryData(NamedTuple):
    apex_labels: int
    flags: int
    spelling: bytes
    rrsets: list[tuple[int, int, list[bytes]]]

# HAS_CNAME, HAS_DNAME, HAS_SIG, IS_ENT and ONLY_NSEC3 follow from the contents: pack_entry sets them whatever `flags` says.

def pack_entry(
    rrsets: Iterable[tuple[int, int, Sequence[bytes]]], *, apex_labels: int, flags: int, spelling: bytes = b""
) -> bytes: ...
def unpack_entry(blob: bytes) -> EntryData: ...
def with_serial(blob: bytes, serial: int) -> tuple[bytes, int, bytes, bytes]:
    """The same entry with another serial in its one SOA: (blob, TTL of the SOA, its rdata before, and after). ValueError when there is none."""

def plain_serial(blob: bytes) -> int:
    """Serial of the apex of an ordinary zone, with one SOA, NS and no flag beside that of an apex; -1: take a closer look."""

def survey(entries: list[tuple[bytes, bytes]], flags: int, most: int) -> tuple[int, list[int]]:
    """(octets of all keys and blobs, indexes of those (key, blob) that have one of the flags or a blob of more octets)."""
