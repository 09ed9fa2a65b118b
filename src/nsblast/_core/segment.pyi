"""The shared segment: the writer's half, its head, the workers' slots (layout in shm.pxd)."""

from collections.abc import Iterable
from typing import final

from nsblast._core.view import View

@final
class Segment(View):
    """Control's view. All names are wire form; they are folded to lower case. One thread at a time may call the writing methods.

    ValueError for what is no name, a closed segment, or a call out of turn; PermissionError for writing without writer=True.
    """

    def __init__(self, fd: int, *, writer: bool = False) -> None:
        """Map it; fd may be closed afterwards. A writer rebuilds its private books from the buckets and mends what one killed left."""
    def close(self) -> None: ...
    # head
    def set_seed(self, a: int, b: int) -> None:
        """The database's hash seed; ValueError when the segment already holds something under another one."""
    def set_done(self, number: int) -> None:
        """The store a fresh segment starts from is at this commit."""
    def set_ready(self, ready: bool) -> None: ...
    def start_scan(self) -> None:
        """Someone begins to cache every existing entry."""
    def set_complete(self, complete: bool) -> bool:
        """True, at the end of that scan: what is not cached does not exist. False takes it back, and makes a scan under way worthless.

        Refused (returns False) when since start_scan() an existing entry was dropped or found no place, a floor was raised, or
        completeness was taken back. Dropping an entry later takes it back by itself.
        """
    # one commit: [stage], begin, put/evict/raise_floor in any number, finish. Readers of the zones wait between begin and finish.
    def stage(self, name: bytes, blob: bytes, *, pin: bool = True) -> bool:
        """put() for a commit that is not begun yet: everything but the switch, so that readers wait less."""
    def forget_staged(self) -> None:
        """Take all stage()d entries back: there will be no commit."""
    def begin(self, number: int, apexes: Iterable[bytes]) -> None:
        """Number above `done`. From here on readers of these zones wait; finish() must follow."""
    def put(self, name: bytes, blob: bytes, *, pin: bool = True) -> bool:
        """Cache the entry (blob b"" = certainly absent), stamped with the commit's number, and set the name's filter bit.

        Seen by nobody before finish(). False: it cannot be cached and is dropped instead (see finish).
        """
    def evict(self, name: bytes) -> None:
        """Drop the name from the cache (a shadowed entry, say); readers will MISS. At once when no commit is open."""
    def raise_floor(self, apexes: Iterable[bytes]) -> None:
        """Everything cached of these zones becomes stale at finish() (bulk change)."""
    def set_special(self, apex: bytes, delta: int) -> None: ...
    def finish(self) -> bool:
        """Switch everything and raise `done`: True.

        False: some names found no place in the cache. The readers of the zones still wait: when every worker has caught up with
        the commit, call finish() again.
        """
    def switch(self, number: int, apexes: Iterable[bytes]) -> bool:
        """begin() and finish() at once, for a commit that has all its names staged: no other thread runs while readers wait."""
    def release(self, number: int) -> None:
        """Every worker has caught up with this commit: pins up to it go."""
    @property
    def pinned_bytes(self) -> int: ...
    def warm(self, name: bytes, blob: bytes, *, at: int | None = None, make_room: bool = False) -> bool:
        """Cache what the store holds, outside a commit; never replaces what a later commit put.

        at = `done` as it was before the store was read; None = nothing can have been committed since. With make_room unused
        entries go for it, without it False says that the arena is full and warming should stop.
        """
    def warm_entries(self, part: list[tuple[bytes, bytes]], skip: int, *, at: int) -> tuple[int, list[int]]:
        """warm() for many (store key, blob), each an owner key after `skip` octets; empty blobs are passed over.

        Returns how many were looked at (fewer than given: the arena is full) and the indexes of those left out because a
        deeper zone may hide them. ValueError for what is no owner key.
        """
    # filter
    def filter_start(self, names: int) -> None:
        """Begin to build the idle half for this many names."""
    def filter_add(self, names: Iterable[bytes]) -> None: ...
    def filter_add_hashes(self, hashes: bytes) -> None:
        """Native-endian u64 array: many names at once, without the GIL."""
    def filter_add_apex(self, apex: bytes) -> None: ...
    def filter_switch(self) -> None:
        """The half built becomes the active one. While one is being built, put() and filter_add() feed both."""
    @property
    def filter_worn(self) -> bool:
        """Whether the active filter holds more names than it was made for, and a new one could hold more."""
    def filter_save(self, path: str) -> None: ...
    def filter_load(self, path: str) -> int:
        """Load a saved filter; returns the commit number it was true at, 0 when unusable (the active one then stays)."""
