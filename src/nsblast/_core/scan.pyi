"""Entries of a master file, one at a time (scan.pxd tells the rules)."""

EV_END: int
EV_RR: int
EV_TEXT: int
EV_INCLUDE: int
EV_GENERATE: int
EV_ERROR: int

class Scanner:
    """Reads master file text from bytes or from an open file descriptor, which stays the caller's."""

    def __init__(
        self,
        source: bytes | int,
        *,
        origin: bytes | None = None,
        parent: Scanner | None = None,
        line: int = 0,
        searching: bool = False,
    ) -> None:
        """origin: wire form; parent: whose origin, owner and TTLs hold at the start; line: all entries are said to stand there;
        searching: names in rdata are completed with the root while no origin is known."""
    def next(self) -> int:
        """Take the next entry and say what it was: EV_END, EV_RR, EV_TEXT, EV_INCLUDE, EV_GENERATE, EV_ERROR. OSError when reading fails."""
    def recover(self) -> None:
        """After EV_ERROR: forget it; the next entry is the one behind."""
    def take_ttls(self, child: Scanner) -> None:
        """The TTLs in force at the end of an included file hold from here on."""
    @property
    def owner(self) -> bytes:
        """Owner name of the last record, as spelled, wire form."""
    @property
    def rrtype(self) -> int: ...
    @property
    def ttl(self) -> int: ...
    @property
    def ttl_guessed(self) -> bool:
        """The record is an SOA without any TTL; its minimum was taken."""
    @property
    def rdata(self) -> bytes:
        """Rdata of the last EV_RR."""
    @property
    def line(self) -> int:
        """Line of the last entry, from 1."""
    @property
    def origin(self) -> bytes | None: ...
    @property
    def error(self) -> tuple[int, int, str, bytes]:
        """(line, column, what was expected, what was found) of the last EV_ERROR."""
    @property
    def consumed(self) -> int:
        """Octets of the source behind us."""
    def words(self) -> list[tuple[bytes, bool, bool, int, int]]:
        """Arguments of the last EV_TEXT, EV_INCLUDE, EV_GENERATE: (as written, quoted, directly behind the one before, line, column)."""

def name_from_text(text: bytes, origin: bytes | None = None) -> bytes:
    """Wire form of one name in master file form, completed with origin; ValueError says what is wrong."""

def rdata_from_text(rrtype: int, text: bytes, origin: bytes | None = None) -> bytes | None:
    """Wire form of the rdata of a compiled type; None when the type is not one of them. ValueError says what is wrong."""

def split_words(text: bytes) -> list[tuple[bytes, bool, bool]]:
    """Words of one line: (as written, quoted, directly behind the one before); ValueError says what is wrong."""
