"""One UDP socket served with an Engine."""

from nsblast._core.engine import Engine, _Store

class UdpServer:
    """Serves one bound, non-blocking UDP socket; wildcard = bound to all addresses, with IP_PKTINFO / IPV6_RECVPKTINFO set."""

    tcp: bool
    def __init__(self, engine: Engine, fd: int, wildcard: bool = False) -> None: ...
    @property
    def waiting(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    def on_readable(self) -> int:
        """Answer what has arrived, a bounded number of batches; returns how many packets wait."""
    def misses(self) -> list[tuple[int, int, int, int, bytes]]:
        """(place, engine.MISS | BUSY | HAND_OVER, kind of miss, labels of the apex, name) of each packet that waits."""
    def fetch(self, store: _Store) -> tuple[int, int]:
        """Ask the store for all entries missed, in one go: (how many, packets that wait for something else). Raises what it raises."""
    def request(self, place: int) -> tuple[bytes, bytes]:
        """The datagram parked at a place and its sender's address. IndexError when nothing is parked there."""
    def reply(self, place: int, answer: bytes) -> None:
        """Send Python's own answer (b"" = silence) to a handed-over packet."""
    def retry(self) -> int:
        """Try all parked packets but those handed over once more; returns how many still wait."""
    def stand_in(self) -> None:
        """Answer between relieve() and take_back(), until dismiss(): the work of a thread of its own, which leaves the interpreter alone."""
    def relieve(self) -> None:
        """stand_in() serves from now on; nothing else of this object may be called before take_back()."""
    def recall(self) -> None:
        """No other batch is begun. Where several share an Engine, all are told before any is waited for."""
    def take_back(self) -> int:
        """The caller serves again, at most a batch later; returns how many packets wait for the store."""
    def dismiss(self) -> None:
        """stand_in() returns, and must not be called again."""
