"""Where metrics are read: the workers' slots, the segment, the store and the supervisor's word (metrics.Source)."""

from collections.abc import Iterable, Mapping

from nsblast._core.segment import Segment
from nsblast.admin.status import Told
from nsblast.backend.store import OpenStore
from nsblast.store.statistics import Statistics


class Numbers:
    """See metrics.Source."""

    def __init__(self, segment: Segment, store: OpenStore, told: Told) -> None:
        self._segment = segment
        self._store = store
        self._told = told

    def workers(self) -> Iterable[Mapping[str, int]]:
        """See metrics.Source."""
        return [self._segment.worker_stats(index) for index in range(self._segment.stats()["workers"])]

    def ready(self) -> int:
        """See metrics.Source."""
        return sum(child["index"] >= 0 and child["state"] == "ready" for child in self._told.children)

    def segment(self) -> Mapping[str, int]:
        """See metrics.Source."""
        return {**self._segment.stats(), "pinned_bytes": self._segment.pinned_bytes}

    def store(self) -> Mapping[str, int]:
        """See metrics.Source."""
        return self._store.numbers()

    def statistics(self) -> Statistics:
        """See metrics.Source."""
        return self._store.statistics()
