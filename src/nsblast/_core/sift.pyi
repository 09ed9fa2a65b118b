"""Records of one message of a transfer into others."""

from nsblast._core.pack import Packer

DONE: int
FULL: int
STOP: int

class Sift:
    """head: octets of header and question; labels: of the zone's apex; passed: as skip(); ends: the apex's records may be in this message.

    Keys are owner keys behind the apex's part.
    """

    def __init__(
        self, message: bytes, head: int, labels: int, passed: bytes | None = None, ends: bool = True
    ) -> None: ...
    @property
    def key(self) -> bytes | None:
        """Below the apex, of the next record's owner; None at the end."""

    @property
    def last(self) -> bytes | None:
        """The same of the record that went over last; None when none did."""

    def skip(self, key: bytes | None) -> None:
        """Records of the owner with this key, which lies before all others to come, stay behind."""

    def into(self, packer: Packer, stop: bytes | None = None) -> int:
        """Go on until the message is full (FULL: take() it, then go on), a key at or behind `stop` is next (STOP), or all is done (DONE).

        ValueError when a record cannot be read.
        """
