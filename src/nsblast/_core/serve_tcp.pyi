"""All TCP connections of one worker, served with an Engine."""

from typing import Final

from nsblast._core.engine import Engine, _Store

WAITS: Final[int]
AGAIN: Final[int]
NEWS: Final[int]

class TcpServer:
    """Listening sockets and their connections behind one descriptor (fileno()); limits come by limit(), none hold before it."""

    tcp: bool
    def __init__(self, engine: Engine) -> None: ...
    def fileno(self) -> int:
        """The epoll descriptor: readable when on_readable() has something to do."""
    def renew(self, engine: Engine) -> None:
        """Answer with this Engine from now on; messages that wait go on waiting."""
    def limit(
        self, connections: int, per_address: int, idle: float, lifetime: float, query: float, write: float
    ) -> None:
        """Connections in all and of one address; seconds of silence, of life (0 = any), for a message, for taking answers."""
    def listen(self, fd: int) -> None:
        """Accept from a listening, non-blocking socket. ValueError beyond 256 of them."""
    def hang_up(self) -> None:
        """Take no more connections; those that stand in the queues now are the last."""
    def adopt(self, fd: int, client: bytes) -> int:
        """Serve and own a connected, non-blocking socket; its token, -1 when a limit refused it (it is closed then)."""
    @property
    def open(self) -> int:
        """Connections."""
    @property
    def waiting(self) -> int:
        """Messages parked."""
    @property
    def starved(self) -> int:
        """Times no descriptor was left for a connection."""
    @property
    def counts(self) -> tuple[int, ...]:
        """By stats.CONNECTIONS, since the start; of "open" how many there are."""
    @property
    def flags(self) -> int:
        """What on_readable() said last may have changed since: WAITS, AGAIN, NEWS; NEWS is told once."""
    def memory(self) -> int:
        """Octets held in buffers of connections."""
    def on_readable(self) -> int:
        """Serve what is ready, a bounded amount; WAITS: misses(); AGAIN: call again soon; NEWS: pending()."""
    def sweep(self) -> int:
        """Close what has overstayed; flags as of on_readable()."""
    def close_idle(self) -> int:
        """Close connections with nothing under way; how many are left."""
    def abort(self) -> None:
        """Cut all off."""
    def misses(self) -> list[tuple[int, int, int, int, bytes]]:
        """(place, engine.MISS | BUSY | HAND_OVER, kind of miss, labels of the apex, name) of each message that waits."""
    def fetch(self, store: _Store) -> tuple[int, int]:
        """Ask the store for all entries missed, in one go: (how many, messages that wait for something else). Raises what it raises."""
    def retry(self) -> int:
        """Try all parked messages but those handed over once more; returns how many still wait."""
    def request(self, place: int) -> tuple[bytes, bytes]:
        """The message parked at a place and its client's address. IndexError when nothing is parked there."""
    def reply(self, place: int, answer: bytes) -> None:
        """Python's own answer (b"" = silence) to the message parked at a place."""
    def take(self, place: int) -> int:
        """The message parked at a place is Python's until finish(): the token of its connection."""
    def send(self, token: int, answer: bytes) -> int:
        """One more answer on a connection; octets that wait to be taken then, -1 = it is gone."""
    def pending(self, token: int) -> int:
        """Octets that wait to be taken by a connection; -1 = it is gone."""
    def finish(self, token: int) -> None:
        """A message that take() gave is answered."""
    def cut(self, token: int) -> None:
        """Close a connection, whatever is under way."""
