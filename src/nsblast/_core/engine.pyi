"""One worker's door to respond: bytes to bytes, misses to Python and back."""

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
        chaos: dict[bytes, bytes] | None = None,
        any_full: bool = False,
    ) -> None: ...
    def answer(self, packet: bytes, client: bytes = b"", tcp: bool = False, now: int = 0) -> bytes | int:
        """The answer; b"" = silence; MISS, BUSY or HAND_OVER (ints, module constants) when Python must do something first."""
    def miss(self) -> tuple[int, int, bytes]:
        """(kind, apex labels, name) of the last answer() that returned MISS."""
    def fill(self, kind: int, apex: int, asked: bytes, owner: bytes, blob: bytes, position: int) -> None:
        """What the store holds for a miss; blob b"" = nothing."""
    def drop_fills(self) -> None: ...
