"""The segment against a dict: whatever is done to it, a reader finds the last committed entry or none; pins are always there."""

import os
from contextlib import ExitStack

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nsblast._core.segment import Segment
from tests.helpers.segments import MIB, SEED, name, segment_file

APEX = b"\7example\0"
LABELS = st.integers(0, 60)
# Small and large ones, so that a one-mebibyte segment is cleaned after some dozen rules.
BLOBS = st.builds(
    lambda octet, size: bytes([octet]) * size,
    st.integers(1, 255),
    st.sampled_from([0, 1, 60, 500, 5000, 20_000, 60_000, 70_000]),
)
BLOCK_HEAD = 16


class Model(RuleBasedStateMachine):
    """held: what the store says. sure: pinned by which commit. absent: must not be cached."""

    @initialize()
    def start(self) -> None:
        self.stack = ExitStack()
        self.fd = self.stack.enter_context(segment_file(MIB))
        self.segment = Segment(self.fd, writer=True)
        self.segment.set_seed(*SEED)
        self.reader = Segment(self.fd)
        self.done = 0
        self.released = 0
        self.held: dict[bytes, bytes] = {}
        self.sure: dict[bytes, int] = {}
        self.absent: set[bytes] = set()
        self.existed: set[bytes] = set()
        self.segment.filter_start(100)
        self.segment.filter_switch()

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.segment.close()
            self.reader.close()
            self.stack.close()

    @rule(
        changes=st.lists(st.tuples(LABELS, BLOBS, st.booleans()), max_size=8),
        gone=st.lists(LABELS, max_size=2),
        early=st.booleans(),
    )
    def commit(self, changes: list[tuple[int, bytes, bool]], gone: list[int], early: bool) -> None:
        number = self.done + 1
        placed = {}
        if not early:
            self.segment.begin(number, [APEX])
        for label, blob, pin in changes:
            owner = name(label)
            taken = self.segment.stage(owner, blob, pin=pin) if early else self.segment.put(owner, blob, pin=pin)
            placed[owner] = (blob, pin and taken, taken)
            if blob:
                self.existed.add(owner)
        if early:
            self.segment.begin(number, [APEX])
        for label in gone:
            self.segment.evict(name(label))
        if not self.segment.finish():
            assert self.reader.done == self.done
            assert self.segment.finish()
        else:
            assert all(taken for _blob, _pinned, taken in placed.values()) or len(changes) > len(placed)
        self.done = number
        assert self.reader.done == number
        for owner, (blob, pinned, taken) in placed.items():
            self.held[owner] = blob
            self.absent.discard(owner)
            self.sure.pop(owner, None)
            if pinned:
                self.sure[owner] = number
            if not taken:
                self.absent.add(owner)
        for label in gone:
            self.absent.add(name(label))
            self.sure.pop(name(label), None)

    @rule(changes=st.lists(st.tuples(LABELS, BLOBS), max_size=8))
    def give_up(self, changes: list[tuple[int, bytes]]) -> None:
        for label, blob in changes:
            self.segment.stage(name(label), blob)
            if blob:
                self.existed.add(name(label))
        self.segment.forget_staged()

    @rule(labels=st.lists(LABELS, max_size=10), make_room=st.booleans())
    def warm(self, labels: list[int], make_room: bool) -> None:
        for label in labels:
            owner = name(label)
            if owner in self.held:
                self.segment.warm(owner, self.held[owner], at=self.done, make_room=make_room)
                self.absent.discard(owner)

    @rule(label=LABELS, behind=st.integers(1, 5))
    def warm_with_what_is_old(self, label: int, behind: int) -> None:
        """What the store said before the last commits must not win over what they did."""
        owner = name(label)
        if self.done > behind and owner in self.held and owner in self.sure and self.sure[owner] > self.done - behind:
            self.segment.warm(owner, b"old", at=self.done - behind, make_room=True)

    @rule(n=st.integers(0, 5))
    def release(self, n: int) -> None:
        self.released = max(self.released, self.done - n)
        self.segment.release(max(0, self.done - n))

    @rule()
    def raise_floor(self) -> None:
        self.done += 1
        self.segment.begin(self.done, [APEX])
        self.segment.raise_floor([APEX])
        assert self.segment.finish()

    @rule()
    def another_writer(self) -> None:
        before = (self.segment.stats(), self.segment.pinned_bytes)
        self.segment.close()
        self.segment = Segment(self.fd, writer=True)
        assert (self.segment.stats(), self.segment.pinned_bytes) == before

    @rule(count=st.integers(1, 40))
    def flood(self, count: int) -> None:
        for i in range(count):
            assert self.segment.warm(name(f"flood{i}"), b"f" * 9000, make_room=True)

    @invariant()
    def readers_find_the_last_commit_or_nothing(self) -> None:
        if not hasattr(self, "fd"):
            return
        for owner, blob in self.held.items():
            seen = self.reader.read(owner)
            assert seen is None or seen == blob, f"{owner!r}: an old entry"
            if owner in self.absent:
                assert seen is None, f"{owner!r}: evicted, and still there"
            if self.sure.get(owner, 0) > self.released:
                assert seen == blob, f"{owner!r}: pinned, and not there"

    @invariant()
    def sums_agree(self) -> None:
        if not hasattr(self, "fd"):
            return
        stats = self.segment.stats()
        owners = [*self.held, *(name(f"flood{i}") for i in range(40))]
        found = [(owner, blob) for owner in owners if (blob := self.reader.read(owner)) is not None]
        sizes = {owner: (BLOCK_HEAD + len(owner) + len(blob) + 7) // 8 * 8 for owner, blob in found}
        assert stats["entries"] == len(found)
        assert stats["arena_used"] == sum(sizes.values()) <= stats["arena_size"]
        pinned = [owner for owner, number in self.sure.items() if number > self.released]
        assert self.segment.pinned_bytes == sum(sizes[owner] for owner in pinned)
        assert os.fstat(self.fd).st_blocks * 512 <= MIB

    @invariant()
    def the_filter_knows_all(self) -> None:
        if hasattr(self, "fd"):
            assert all(self.reader.filter_maybe(owner) for owner in self.existed)


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
