"""One worker's door to respond: bytes to bytes, misses to Python and back."""

from typing import Final

from nsblast._core.querylog import QueryLog

OK: Final[int]
MISS: Final[int]
BUSY: Final[int]
HAND_OVER: Final[int]
MISS_ENTRY: Final[int]
MISS_IN_ZONE: Final[int]
MISS_NSEC_COVER: Final[int]
MISS_NSEC3_MATCH: Final[int]
MISS_NSEC3_COVER: Final[int]

class Engine:
    """All state of one worker: transactions, fills, counters. fd = the segment's descriptor, -1 = without cache (all comes by fill)."""

    def __init__(
        self,
        fd: int = -1,
        *,
        worker: int = 0,
        udp_max: int = 1232,
        nsid: bytes = b"",
        cookies: bool = True,
        cookies_required: bool = False,
        cookie_secret: bytes = b"",
        cookie_secret_old: bytes = b"",
        tcp_keepalive: int = 0,
        version: bytes = b"",
        server_id: bytes = b"",
        any_full: bool = False,
        querylog: QueryLog | None = None,
    ) -> None: ...
    def answer(
        self, packet: bytes, client: bytes = b"", tcp: bool = False, now: int = 0, since: float = 0.0
    ) -> bytes | int:
        """The answer; b"" = silence; MISS, BUSY or HAND_OVER when Python must do something first.

        since: when the message came (time.monotonic()), for counters and query log; 0 = now.
        """
    def miss(self) -> tuple[int, int, bytes]:
        """(kind, apex labels, name) of the last answer() that returned MISS."""
    def fill(self, kind: int, apex: int, asked: bytes, owner: bytes, blob: bytes, position: int = 0) -> None:
        """What the store holds for a miss: the owner found (for entries: asked) and its blob; b"" = nothing."""
    def drop_fills(self) -> None:
        """Forget what the store gave: after every catch-up."""
