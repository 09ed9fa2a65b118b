"""Messages of a transfer to records."""

from nsblast.types import Rr

def read_rrs(packet: bytes, at: int, count: int) -> tuple[list[Rr], list[tuple[int, int, int]], int]:
    """The next `count` records from an offset: (records, those whose rdata is to be looked at: (index, offset, length), offset behind).

    ValueError when one is malformed or of another class than IN. A TTL with its highest bit set is 0 (RFC 2181 8).
    """

def after_rrs(packet: bytes, at: int, count: int) -> int:
    """The offset behind `count` records, of which nothing is looked at but how long they are. ValueError when they are cut short."""
