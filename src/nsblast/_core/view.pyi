"""The shared segment as any process may look at it (layout in shm.pxd)."""

from collections.abc import Iterable

from typing_extensions import disjoint_base

@disjoint_base
class View:
    """The reading half of Segment. Names are wire form; ValueError for what is none, and for a closed segment."""

    @staticmethod
    def create(cache_size: int, workers: int, name: str = "nsblast") -> int:
        """A new memory file (memfd, inherited by fork, closed by exec) of at most cache_size octets; returns its descriptor.

        It takes memory only as it fills. ValueError when cache_size is too small for so many workers.
        """
    def __init__(self, fd: int, *, writer: bool = False) -> None:
        """Map it; fd may be closed afterwards. Without writer all but the workers' slots is mapped read-only."""
    def close(self) -> None: ...
    # head
    @property
    def done(self) -> int: ...
    @property
    def seed(self) -> tuple[int, int]: ...
    @property
    def ready(self) -> bool: ...
    @property
    def complete(self) -> bool: ...
    @property
    def pressed(self) -> bool:
        """Whether the cache was full once: some names may be in the store only."""
    def gather(self, part: int) -> int:
        """Make this 2 MiB part of filter, buckets and arena one huge page: 2 = it is one, 1 = not enough of it is in use, 0 = there is
        no such part, -1 = the kernel will not."""
    # reading, as a worker does it
    def read(self, name: bytes) -> bytes | None:
        """The blob cached for a name; b"" = certainly absent, None = not cached."""
    def read_together(self, apex: bytes, names: Iterable[bytes]) -> list[bytes | None]:
        """The same for names of one zone, all from one version; BlockingIOError while that zone is being changed."""
    def filter_maybe(self, name: bytes) -> bool: ...
    def filter_maybe_apex(self, apex: bytes) -> bool: ...
    # workers
    def worker_register(self, index: int, pid: int, position: int) -> None: ...
    def worker_leave(self, index: int) -> None: ...
    def worker_alive(self, index: int, connections: Iterable[int] = ()) -> None:
        """Called by the worker: a sign of life, and by how much each of stats.CONNECTIONS has changed since the last."""
    def worker_position(self, index: int, position: int) -> None:
        """Called by the worker: its view of the store has reached this commit."""
    def worker_positions(self) -> dict[int, int]:
        """Position of each registered worker by index."""
    def worker_stats(self, index: int) -> dict[str, int]:
        """Counters of all workers that ever had this slot: outcome.udp.nxdomain, rcode.3, qtype.1, latency.8us, cache_hits, …"""
    def drain_misses(self, limit: int = 1000) -> list[bytes]:
        """Names the workers looked for in the store and did not find cached, each once, oldest first per worker."""
    def stats(self) -> dict[str, int]: ...
