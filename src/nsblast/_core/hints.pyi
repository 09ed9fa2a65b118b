"""The ordered set of hints by which a search for a proof begins, as tests see it."""

class HintSet:
    """Keys of 1 to 71 octets, each of one zone; at most what fits into so many octets."""

    def __init__(self, octets: int) -> None: ...
    def put(self, zone: int, key: bytes) -> None:
        """Keep a key; longer ones than 71 octets are passed over, and when it is full every second one goes."""
    def drop(self, zone: int, key: bytes) -> None:
        """Forget a key."""
    def before(self, zone: int, key: bytes) -> bytes | None:
        """The last key of the zone at or before this one."""
    def listed(self) -> list[tuple[int, bytes]]:
        """All of them, in order."""
