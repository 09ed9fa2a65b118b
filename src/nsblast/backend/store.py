"""Opening a store as the one writer: for the control process with its segment, for a command without."""

from collections.abc import Callable
from typing import Any

from nsblast._core.segment import Segment
from nsblast.backend.local import LocalBackend
from nsblast.settings import Settings
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader


class OpenStore:
    """The store of a server."""

    def __init__(self, settings: Settings, segment: Segment, wake_workers: Callable[[], None]) -> None:
        self._database = Database.primary(settings.db_path, block_cache=settings.block_cache)
        self._segment = segment
        segment.set_seed(*self._database.seed)
        segment.set_done(self._database.position)
        segment.set_ready(True)
        reader = StoreReader(self._database, segment.filter_maybe_apex)
        self.backend = LocalBackend(reader, None, self.close)
        self.backend.running = True

    def state(self) -> dict[str, Any]:
        """For status."""
        return {"position": self._database.position}

    def adjust(self, settings: Settings) -> None:
        """Take over settings that changed."""

    def cache_misses(self) -> None:
        """Cache what workers looked for and did not find."""

    def close(self) -> None:
        """Everything acknowledged is on the disk already."""
        self._database.close()


def open_for_server(settings: Settings, segment: Segment, wake_workers: Callable[[], None]) -> OpenStore:
    """In the control process."""
    return OpenStore(settings, segment, wake_workers)
