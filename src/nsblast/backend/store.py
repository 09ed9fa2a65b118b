"""Opening a store as the one writer: for the control process with its segment, for a command without."""

from collections.abc import Callable
from typing import Any

from nsblast._core.segment import Segment
from nsblast.backend.local import LocalBackend
from nsblast.settings import Settings
from nsblast.store.changes import Keep
from nsblast.store.engine import Database, sweep_followers
from nsblast.store.reader import StoreReader
from nsblast.store.warm import Warmer
from nsblast.store.writer import Committer
from nsblast.types import Wire
from nsblast.zones.replace import ZoneRules


def _keep(settings: Settings) -> Keep:
    return Keep(age=settings.journal_age, octets=settings.journal_size)


class OpenStore:
    """The store of a server."""

    def __init__(self, settings: Settings, segment: Segment, wake_workers: Callable[[], None]) -> None:
        self._database = Database.primary(settings.db_path, block_cache=settings.block_cache)
        self._committer = Committer(
            self._database, ZoneRules(), segment=segment, wake=wake_workers, keep=_keep(settings)
        )
        sweep_followers(settings.db_path)
        fresh = segment.done == 0
        self._committer.start()
        self._warmer = Warmer(self._committer)
        loaded = self._warmer.load_filter() if fresh else False
        segment.set_ready(True)
        self._warmer.start(filter_is_there=loaded)
        reader = StoreReader(self._database, self._maybe_zone)
        self.backend = LocalBackend(reader, self._committer, self.close)
        self.backend.running = True
        self._segment = segment

    def _maybe_zone(self, apex: Wire) -> bool:
        return self._segment.filter_maybe_apex(apex)

    def state(self) -> dict[str, Any]:
        """For status."""
        failure = self._warmer.failure
        return {
            "position": self._committer.last,
            "warmed": self._warmer.warmed,
            "warming_failed": failure.message if failure is not None else None,
        }

    def adjust(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self._committer.keep = _keep(settings)

    def cache_misses(self) -> None:
        """Cache what workers looked for and did not find."""
        self._warmer.cache_misses()

    def close(self) -> None:
        """Everything acknowledged is on the disk already."""
        self._warmer.close()
        self._committer.close()
        self._database.close()


def open_for_server(settings: Settings, segment: Segment, wake_workers: Callable[[], None]) -> OpenStore:
    """In the control process."""
    return OpenStore(settings, segment, wake_workers)


def open_for_command(settings: Settings, *, create: bool) -> LocalBackend:
    """In a command, while no server runs. StoreLocked when one does."""
    database = Database.primary(settings.db_path, block_cache=settings.block_cache, create=create)
    committer = Committer(database, ZoneRules(), keep=_keep(settings))
    committer.start()

    def close() -> None:
        committer.close()
        database.close()

    return LocalBackend(StoreReader(database), committer, close)
