"""Fills the shared segment in the background: the name filter first, then the entries, then what workers missed.

Owns: the scans, the saved filter. Never: commits (visible.py). It works in short slices under the committer's lock, so that it
never caches what is not visible yet and never holds a commit up for long.
The filter is saved as `filter-<commit number>`; a saved one is taken when the change log names all that was gained since.
"""

import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from nsblast._core.keys import hash_keys
from nsblast.errors import NsblastError, StoreError
from nsblast.store import layout
from nsblast.store.overlay import Base
from nsblast.store.reader import StoreReader
from nsblast.store.visible import Visible
from nsblast.store.writer import Committer
from nsblast.types import CommitNumber

HASHED = 8192
"""Keys hashed in one slice: some milliseconds."""
WARMED = 256
"""Missed entries fetched and cached in one slice, under the lock."""
SCANNED = 4096
"""Entries read and cached in one slice of a scan; the lock is held for about a millisecond of it."""
PAUSE = 0.001
SAVE_EVERY = 600.0
"""Seconds between two savings of the filter while commits come in."""
LULL = 0.3
"""Seconds without a bulk change before the cache is filled again."""
GATHER_PAUSE = 0.01
"""Seconds between two huge pages, each of which takes some milliseconds."""
MISSES = 2000
"""Missed names looked at in one go."""
ROOM = 1.25
"""Names the filter is built for, relative to those there are."""


class Warmer:
    """A thread that fills the segment of a running committer."""

    def __init__(self, committer: Committer) -> None:
        assert committer.visible is not None
        self._committer = committer
        self._visible: Visible = committer.visible
        self._segment = committer.visible.segment
        self._database = committer.database
        self._reader = StoreReader(committer.database, self._segment.filter_maybe_apex)
        self._end = threading.Event()
        self._again = threading.Event()
        self._saved: CommitNumber = -1
        self._thread = threading.Thread(target=self._run, name="warm", daemon=True)
        self.warmed = 0
        """Entries cached by the scans."""
        self.settled = False
        """Whether all is done that is done behind the first answers."""
        self.failure: NsblastError | None = None
        committer.after_bulk = self._again.set

    def load_filter(self) -> bool:
        """Take a saved filter that can be brought up to date; before workers look into the segment."""
        newest = max(self._saved_filters(), default=None)
        if newest is None or not self._is_covered(newest[0]):
            return False
        number, path = newest
        with self._committer.lock:
            if self._segment.filter_load(str(path)) != number:
                return False
            for _, record in self._reader.changes(number):
                if record.keys:
                    self._segment.filter_add_hashes(hash_keys(record.keys, self._database.seed, 1))
                for zone in record.zones:
                    self._segment.filter_add_apex(zone.apex)
        self._saved = number
        return True

    def start(self, *, filter_is_there: bool) -> None:
        """Begin to fill."""
        self._filter_is_there = filter_is_there
        self._thread.start()

    def close(self) -> None:
        """End, and save the filter when it is whole."""
        self._end.set()
        self._again.set()
        if self._thread.is_alive():
            self._thread.join()

    def cache_misses(self) -> int:
        """Cache what workers looked for in the store; how many names."""
        done = 0
        while names := self._segment.drain_misses(MISSES):
            for start in range(0, len(names), WARMED):
                with self._committer.lock:
                    for name in names[start : start + WARMED]:
                        self._segment.warm(name, self._reader.fetch(name).blob, make_room=True)
            done += len(names)
            if len(names) < MISSES or self._end.is_set():
                break
        return done

    # -- the thread --

    def _run(self) -> None:
        try:
            if not self._filter_is_there:
                self._build_filter()
            self._save_filter()
            self._fill()
            self._gather()
            while not self._end.is_set():
                self.settled = True
                changed = self._again.wait(SAVE_EVERY)
                self.settled = not changed
                while self._again.is_set() and not self._end.is_set():
                    # Bulk changes come in rows: each would have the whole store read again.
                    self._again.clear()
                    self._end.wait(LULL)
                if changed and not self._end.is_set() and self._filter_is_there and self._segment.filter_worn:
                    self._build_filter()
                if self._end.is_set():
                    break
                if changed or self._committer.last != self._saved:
                    self._save_filter()
                if changed:
                    self._fill()
                self._gather()
            if self._committer.last != self._saved:
                self._save_filter()
        except NsblastError as error:
            self.failure = error
        except (ValueError, OSError) as error:
            # A key that is none, a segment closed too early, no room for the filter's file: the server goes on without.
            self.failure = StoreError(f"the cache is not filled: {error}")

    def _build_filter(self) -> None:
        names = zones = 0
        for _, record in self._reader.zones():
            names += record.names
            zones += 1
        with self._committer.lock:
            self._segment.filter_start(int((names + zones) * ROOM) + 1000)
        seed = self._database.seed
        keys = self._database.keys_below(layout.ENTRY, layout.after(layout.ENTRY))
        while part := list(islice(keys, HASHED)):
            hashes = hash_keys(part, seed, 1)
            with self._committer.lock:
                self._segment.filter_add_hashes(hashes)
            if self._end.wait(PAUSE):
                return
        apexes = self._database.keys_below(layout.ZONE, layout.after(layout.ZONE))
        while part := list(islice(apexes, HASHED)):
            with self._committer.lock:
                for key in part:
                    self._segment.filter_add_apex(layout.zone_of(key))
            if self._end.wait(PAUSE):
                return
        with self._committer.lock:
            self._segment.filter_switch()
        self._filter_is_there = True

    def _fill(self) -> None:
        """Cache entries until all are there or no room is left."""
        segment = self._segment
        with self._committer.lock:
            segment.start_scan()
        after = layout.ENTRY
        high = layout.after(layout.ENTRY)
        while not self._end.is_set() and not self._again.is_set():
            at = segment.done
            part = list(islice(self._database.range(after, high), SCANNED))
            with self._committer.lock:
                looked_at, doubtful = segment.warm_entries(part, len(layout.ENTRY), at=at)
                self.warmed += looked_at - len(doubtful)
                if looked_at < len(part) or not all(self._warm(*part[index], at) for index in doubtful):
                    return
                if len(part) < SCANNED:
                    segment.set_complete(True)
                    return
            after = part[-1][0] + b"\0"
            self._end.wait(PAUSE)

    def _gather(self) -> None:
        """Put what is filled on huge pages: a look-up among millions of names then waits less for addresses to be translated."""
        part = 0
        while (state := self._segment.gather(part)) > 0 and not self._end.is_set():
            part += 1
            if state == 2:
                self._end.wait(GATHER_PAUSE)

    def _warm(self, key: bytes, blob: bytes, at: CommitNumber) -> bool:
        """An entry at or below what may be the apex of a deeper zone: cached unless it is."""
        name, labels = layout.entry_of(key)
        if self._visible.apex_of(name, Base(self._database), labels) != labels:
            return True
        self.warmed += 1
        return self._segment.warm(name, blob, at=at)

    # -- the saved filter --

    def _saved_filters(self) -> Iterator[tuple[CommitNumber, Path]]:
        for path in self._database.path.glob("filter-*"):
            number = path.name.removeprefix("filter-")
            if number.isdecimal():
                yield int(number), path

    def _is_covered(self, number: CommitNumber) -> bool:
        """Whether the change log names everything gained after a commit."""
        if number > self._database.position:
            return False
        if number == self._database.position:
            return True
        expected = number + 1
        for found, record in self._reader.changes(number):
            if found != expected or any(zone.bulk for zone in record.zones):
                return False
            expected += 1
        return expected == self._database.position + 1

    def _save_filter(self) -> None:
        if not self._filter_is_there:
            return
        with self._committer.lock:
            number = self._segment.done
            path = self._database.path / f"filter-{number}"
            self._segment.filter_save(str(path))
        for old, stale in list(self._saved_filters()):
            if old != number:
                stale.unlink(missing_ok=True)
        self._saved = number
