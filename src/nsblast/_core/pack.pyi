"""Records of a zone as messages of a transfer."""

from nsblast.types import Rr

class Packer:
    """Messages of one transfer. head: header and question of each; limit: octets a message may have."""

    def __init__(self, head: bytes, limit: int = 16384, most: int = 65535) -> None: ...
    @property
    def records(self) -> int:
        """In the message under construction."""

    @property
    def octets(self) -> int:
        """Of the message under construction, header and question included."""

    @property
    def inside(self) -> bool:
        """Whether part of an entry stands in messages already."""

    def put(self, owner: bytes, rrtype: int, ttl: int, rdata: bytes) -> bool:
        """Add one record; False when the message is full: take() it, then put the record again. ValueError for what is none."""

    def put_rrs(self, rrs: list[Rr], start: int = 0) -> int:
        """Add records from the start-th on; the index of the first that did not fit, len(rrs) when all did."""

    def put_entries(self, entries: list[tuple[bytes, bytes]], start: int = 0, skip: int = 1, soa: bool = False) -> int:
        """The same with stored entries (key after `skip` octets, blob), all their records but the apex's SOA unless soa."""

    def take(self) -> bytes:
        """The message so far; the next begins empty."""
