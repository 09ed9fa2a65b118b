"""Scanned records of one zone in, stored entries in canonical order out."""

from nsblast._core.scan import Scanner

FED_PAUSE: int
FED_FOREIGN: int

class ZoneFault(ValueError):
    """The zone breaks a rule; where: number of the file and line (0 = the zone as a whole)."""

    file: int
    line: int
    expected: str
    found: str

    def __init__(self, file: int, line: int, expected: str, found: str) -> None: ...

class Collector:
    """Records of the zone `apex` (wire form, lower case): fed in any order, given out as entries, as often as wanted."""

    def __init__(
        self, apex: bytes, *, seed: tuple[int, int] = (0, 0), memory: int = 268435456, spill_dir: str | None = None
    ) -> None:
        """memory: octets before sorted runs go to a temporary file in spill_dir; seed: of the database's name hashes."""
    bare: bool
    """Whether entries() gives (owner key, entry blob) without the name; made for each it would be a tenth of an import."""
    @property
    def records(self) -> int:
        """Records taken."""
    @property
    def names(self) -> int:
        """Entries given out since the start or the last rewind, empty non-terminals included."""
    def feed(self, scanner: Scanner, file: int, octets: int) -> int:
        """Take records from the scanner until something else comes (its event), until it has read some octets more
        (FED_PAUSE), or until a record is outside the zone (FED_FOREIGN; the scanner still shows it). OSError when spilling fails."""
    def add(self, owner: bytes, rrtype: int, ttl: int, rdata: bytes, file: int, line: int) -> bool:
        """Take one record; False when it is outside the zone."""
    def entries(self, most: int = 1000) -> list[tuple[bytes, bytes, bytes]]:
        """The next (owner key, owner name, entry blob), about `most` of them; empty at the end. ZoneFault."""
    def groups(self, most: int = 1000) -> list[tuple[bytes, list[tuple[bytes, int, int, bytes, int, int]]]]:
        """The next (owner name, [(owner as spelled, type, TTL, rdata, file, line), ...]) in order of arrival; nothing is checked."""
    def rewind(self) -> None:
        """entries() or groups() begin again."""
    def take_hashes(self) -> bytes:
        """Hashes of the names entries() gave out since the last call: native-endian u64 array, for the name filter."""
