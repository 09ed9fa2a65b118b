"""One worker's door to respond: bytes to bytes, misses to Python and back."""

from collections.abc import Callable
from typing import Final, TypeAlias

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

_Store: TypeAlias = tuple[
    Callable[[bytes], int | None], Callable[[bytes], bytes | None], dict[bytes, int | None], bytes, int
]
"""How missed entries are fetched: (labels of the apex of a name's deepest zone, value of a key, what that told of parents so
far, what stands before an owner key, position)."""

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
        gso: bool = True,
        querylog: QueryLog | None = None,
        allowed: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        """allowed: who may ask about zones that have no rule of their own, as (network, mask) octets; None = everybody."""
    def answer(
        self,
        packet: bytes,
        client: bytes = b"",
        tcp: bool = False,
        now: int = 0,
        since: float = 0.0,
        *,
        decided: bool = False,
    ) -> bytes | int:
        """The answer; b"" = silence; MISS, BUSY or HAND_OVER when Python must do something first.

        decided: who asks was let in to the zone of the name asked for; it is not handed over again.
        since: when the message came (time.monotonic()), for counters and query log; 0 = now.
        """
    def miss(self) -> tuple[int, int, bytes]:
        """(kind, apex labels, name) of the last answer() that returned MISS."""
    def fill(self, kind: int, apex: int, asked: bytes, owner: bytes, blob: bytes, position: int = 0) -> None:
        """What the store holds for a miss: the owner found (for entries: asked) and its blob; b"" = nothing."""
    def drop_fills(self) -> None:
        """Forget what the store gave: after every catch-up."""
    def fill_wishes(self, store: _Store) -> int:
        """Fetch what the answers tried of late will want besides what they missed; how many entries. Raises what the store raises."""
    def noted(self) -> bool:
        """Whether names for control to cache were noted since this was asked last."""
