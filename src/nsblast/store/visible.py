"""What a commit makes visible, and the order in which the shared segment learns of it.

Owns: which names show which entry after a commit, marks of zones, pins, the flip of a bulk change, bringing a segment up to the
store. Never: the store's contents, filling the cache with what was not changed (warm.py).
Rules: a name shows its entry in its deepest zone, so that creating or deleting a zone changes what every name at or below its
apex shows. Every name whose shown entry changes is put, pinned, absent ones too, so that a worker whose view of the
store is older finds the right value in the cache. What is too large for that is flipped: the zones' readers wait, workers
catch up, all that is cached of the zones becomes stale.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from nsblast._core.rrset import ZONE_SPECIAL
from nsblast.store import layout
from nsblast.store.commit import BULK, Newborn
from nsblast.store.engine import Database
from nsblast.store.overlay import Base, Node, Overlay
from nsblast.store.values_v1 import What, ZoneChange
from nsblast.types import CommitNumber, Labels, Wire

FOLLOW_TIMEOUT = 5.0
"""Seconds to wait for workers to catch up; one that takes longer hangs, and the supervisor will replace it."""
FOLLOW_POLL = 0.0003
NUDGE_AFTER = 0.1


class SegmentFace(Protocol):
    """What is used of _core.segment.Segment."""

    @property
    def done(self) -> int: ...
    def set_seed(self, a: int, b: int) -> None: ...
    def set_done(self, number: int) -> None: ...
    def start_scan(self) -> None: ...
    def set_complete(self, complete: bool) -> bool: ...
    def stage(self, name: bytes, blob: bytes) -> bool: ...
    def forget_staged(self) -> None: ...
    def begin(self, number: int, apexes: Iterable[bytes]) -> None: ...
    def evict(self, name: bytes) -> None: ...
    def raise_floor(self, apexes: Iterable[bytes]) -> None: ...
    def set_special(self, apex: bytes, delta: int) -> None: ...
    def finish(self) -> bool: ...
    def switch(self, number: int, apexes: Iterable[bytes]) -> bool: ...
    def release(self, number: int) -> None: ...
    def warm(self, name: bytes, blob: bytes, *, at: int | None = None, make_room: bool = False) -> bool: ...
    def warm_entries(self, part: list[tuple[bytes, bytes]], skip: int, *, at: int) -> tuple[int, list[int]]: ...
    def gather(self, part: int) -> int: ...
    def filter_start(self, names: int) -> None: ...
    def filter_add_hashes(self, hashes: bytes) -> None: ...
    def filter_add_apex(self, apex: bytes) -> None: ...
    def filter_switch(self) -> None: ...
    @property
    def filter_worn(self) -> bool: ...
    def filter_maybe_apex(self, apex: bytes) -> bool: ...
    def filter_save(self, path: str) -> None: ...
    def filter_load(self, path: str) -> int: ...
    def worker_positions(self) -> dict[int, int]: ...
    def drain_misses(self, limit: int = 1000) -> list[bytes]: ...


@dataclass(slots=True)
class Plan:
    """What one commit is to show."""

    zones: set[Wire] = field(default_factory=set)
    """Apexes of zones whose answers may change."""
    shown: dict[Wire, bytes] = field(default_factory=dict)
    """What each changed name shows; b"" = nothing."""
    evicted: list[Wire] = field(default_factory=list)
    """Names whose shown entry workers must ask the store for."""
    floors: set[Wire] = field(default_factory=set)
    """Apexes of zones too much of which changed."""
    born: list[Wire] = field(default_factory=list)
    special: dict[Wire, int] = field(default_factory=dict)
    hashes: list[bytes] = field(default_factory=list)


class Visible:
    """The segment as commits change it. Its caller holds the lock of the segment."""

    def __init__(self, segment: SegmentFace, database: Database, wake: Callable[[], None]) -> None:
        self.segment = segment
        self._database = database
        self._wake = wake
        self._released = 0
        self._behind_since: float | None = None

    # -- what shows --

    def plan(self, view: Overlay, zones: Iterable[ZoneChange]) -> Plan:
        """What changes in `view`, the state after the commit, mean for the cache."""
        plan = Plan()
        for change in zones:
            plan.zones.add(change.apex)
            if change.bulk:
                plan.floors.add(change.apex)
            if change.what in (What.CREATED, What.DELETED):
                self._plan_borders(plan, view, change)
        deepest: dict[Wire, Labels | None] = {}
        for key, node in view.nodes.items():
            name, labels = layout.entry_of(key)
            if key[-1] == key[-2] == 0:
                # The separator is the last octet: the entry is its zone's apex.
                self._plan_special(plan, name, view.before(key), node)
            if name in plan.shown or (plan.floors and layout.suffix(name, labels) in plan.floors):
                continue
            if self._apex_of(name, view, labels, deepest) == labels:
                plan.shown[name] = node.pack() if node is not None else b""
            elif key_is_gone(view, name, labels):
                plan.shown[name] = self._shown(name, view)
        return plan

    def _plan_borders(self, plan: Plan, view: Overlay, change: ZoneChange) -> None:
        """A zone that appears hides, one that goes uncovers, what its parent holds at and below the apex."""
        if change.what is What.CREATED:
            plan.born.append(change.apex)
        parent = self.apex_of(change.apex[change.apex[0] + 1 :], view) if change.apex != b"\0" else None
        if parent is None:
            return
        parent_apex = layout.suffix(change.apex, parent)
        plan.zones.add(parent_apex)
        low = layout.entry_key(change.apex, parent)
        names = []
        for key, _ in view.walk(low, low[:-1] + b"\1"):
            names.append(layout.entry_of(key)[0])
            if len(names) > BULK:
                plan.floors.add(parent_apex)
                return
        for name in names:
            plan.shown[name] = self._shown(name, view)

    def plan_newborn(self, born: Newborn) -> Plan:
        """What zones of which nothing was there mean for the cache: it forgets what their parents show at and below them."""
        plan = Plan(zones=set(born.apexes), born=born.apexes, hashes=born.hashes)
        view = Base(self._database)
        parents: dict[Wire, Labels | None] = {}
        for apex in born.apexes:
            above = apex[apex[0] + 1 :]
            if above not in parents:
                parents[above] = self.apex_of(above, view) if above else None
            labels = parents[above]
            if labels is None:
                continue
            parent = layout.suffix(apex, labels)
            plan.zones.add(parent)
            low = layout.entry_key(apex, labels)
            hidden = list(islice(self._database.keys_below(low, low[:-1] + b"\1"), BULK + 1))
            if len(hidden) + len(plan.evicted) > BULK:
                plan.floors.add(parent)
            else:
                plan.evicted += [layout.entry_of(key)[0] for key in hidden]
        return plan

    def _plan_special(self, plan: Plan, apex: Wire, before: Node | None, after: Node | None) -> None:
        was = bool(before is not None and before.flags & ZONE_SPECIAL)
        now = bool(after is not None and after.flags & ZONE_SPECIAL)
        if was != now:
            plan.special[apex] = now - was

    def apex_of(self, name: Wire, view: Overlay | Base, known: Labels = -1) -> Labels | None:
        """Labels of the apex of the deepest zone in `view`; `known` is a zone it may lie in, asked for last."""
        every = layout.suffixes(name)
        maybe = self.segment.filter_maybe_apex
        for above, candidate in enumerate(every):
            labels = len(every) - 1 - above
            likely = labels == known or view.knows_zone(candidate) or maybe(candidate)
            if likely and view.has_zone(candidate):
                return labels
        return None

    def _apex_of(self, name: Wire, view: Overlay, known: Labels, found: dict[Wire, Labels | None]) -> Labels | None:
        """The same for many names of one view: names with the same parent ask for its zone once."""
        if (view.knows_zone(name) or self.segment.filter_maybe_apex(name)) and view.has_zone(name):
            return len(layout.suffixes(name)) - 1
        if name == b"\0":
            return None
        parent = name[name[0] + 1 :]
        if parent not in found:
            found[parent] = self.apex_of(parent, view, known)
        return found[parent]

    def _shown(self, name: Wire, view: Overlay) -> bytes:
        labels = self.apex_of(name, view)
        node = view.node(layout.entry_key(name, labels)) if labels is not None else None
        return node.pack() if node is not None else b""

    # -- one commit --

    def stage(self, plan: Plan) -> None:
        """All that can be done before the commit is on the disk; forget() takes it back."""
        for hashes in plan.hashes:
            self.segment.filter_add_hashes(hashes)
        for apex in plan.born:
            self.segment.filter_add_apex(apex)
        for name, blob in plan.shown.items():
            self.segment.stage(name, blob)

    def forget(self) -> None:
        """The commit failed."""
        self.segment.forget_staged()

    def show(self, number: CommitNumber, plan: Plan) -> None:
        """Make the staged commit, which is on the disk, visible."""
        if plan.floors or plan.special:
            if plan.floors:
                self.segment.set_complete(False)
            self.segment.begin(number, plan.zones)
            self._switch(number, plan, ingested=False)
        elif not self.segment.switch(number, plan.zones):
            self.follow(number)
            self._finish(number)

    def flip(self, number: CommitNumber, plan: Plan, write: Callable[[], None]) -> None:
        """Make a bulk commit visible, which `write` brings to the disk while the readers of its zones wait."""
        self.segment.set_complete(False)
        for hashes in plan.hashes:
            self.segment.filter_add_hashes(hashes)
        for apex in plan.born:
            self.segment.filter_add_apex(apex)
        self.segment.begin(number, plan.zones)
        try:
            write()
        except BaseException:
            # Nothing changed; the readers must go on. The number stays unused.
            self._finish(number)
            raise
        for name in plan.evicted:
            self.segment.evict(name)
        self._switch(number, plan, ingested=True)

    def appear(self, number: CommitNumber, plan: Plan, write: Callable[[], None]) -> None:
        """Make new zones visible, which `write` brings to the disk.

        Nobody has seen anything of them, and a worker whose view has them waits with its misses until the commit is done: so
        readers, of all stripes when zones are many, wait for no disk, but only while what parents showed is forgotten.
        """
        self.segment.set_complete(False)
        for hashes in plan.hashes:
            self.segment.filter_add_hashes(hashes)
        for apex in plan.born:
            self.segment.filter_add_apex(apex)
        write()
        self.follow(number, ingested=True)
        self.segment.begin(number, plan.zones)
        for name in plan.evicted:
            self.segment.evict(name)
        self._switch(number, plan, ingested=True)

    def _switch(self, number: CommitNumber, plan: Plan, *, ingested: bool) -> None:
        for apex, delta in plan.special.items():
            self.segment.set_special(apex, delta)
        if plan.floors:
            self.follow(number, ingested=ingested)
            self.segment.raise_floor(plan.floors)
        self._finish(number)

    def _finish(self, number: CommitNumber) -> None:
        while not self.segment.finish():
            self.follow(number)

    def follow(self, number: CommitNumber, *, ingested: bool = False) -> bool:
        """Wait until every worker's view of the store has reached a commit; False when one does not come."""
        now = time.monotonic()
        end, nudge = now + FOLLOW_TIMEOUT, now if ingested else now + NUDGE_AFTER
        woken = False
        while min(self.segment.worker_positions().values(), default=number) < number:
            now = time.monotonic()
            if now >= end:
                return False
            if now >= nudge:
                self._database.nudge()
                nudge, woken = now + NUDGE_AFTER, False
            if not woken:
                self._wake()
                woken = True
            time.sleep(FOLLOW_POLL)
        return True

    # -- between commits --

    def tend(self, last: CommitNumber) -> None:
        """Let pins go that no worker needs; hurry workers on that stay behind."""
        position = min(self.segment.worker_positions().values(), default=last)
        position = min(position, self.segment.done)
        if position > self._released:
            self.segment.release(position)
            self._released = position
        now = time.monotonic()
        if position >= last:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now
        elif now - self._behind_since > NUDGE_AFTER * 3:
            self._behind_since = now
            self._database.nudge()
            self._wake()


def key_is_gone(view: Overlay, name: Wire, labels: Labels) -> bool:
    """Whether the zone an entry of `name` was in is no more."""
    return not view.has_zone(layout.suffix(name, labels))
