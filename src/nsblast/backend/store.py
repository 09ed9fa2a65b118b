"""Opening a store as the one writer: for the control process with its segment, for a command without."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import Any

from nsblast._core.segment import Segment
from nsblast.access import first
from nsblast.access.accounts import Accounts
from nsblast.access.index import Index
from nsblast.access.rules import AccountRules
from nsblast.backend.local import LocalBackend
from nsblast.backend.rules import AllRules
from nsblast.errors import StoreError
from nsblast.logs import log
from nsblast.metrics import PROPERTIES
from nsblast.settings import Settings
from nsblast.store import switch
from nsblast.store.changes import Keep
from nsblast.store.commit import Listener
from nsblast.store.engine import Database, destroy, sweep_followers, sweep_images
from nsblast.store.reader import StoreReader
from nsblast.store.statistics import Statistics, parse
from nsblast.store.warm import Warmer
from nsblast.store.writer import Broken, Committer


def _keep(settings: Settings) -> Keep:
    return Keep(age=settings.journal_age, octets=settings.journal_size, zone=settings.journal_zone_size)


def _make_room(error: Broken) -> None:
    """The supervisor starts another control process, which brings the segment up to the store."""
    log().critical("control ends", reason=error.message)
    os._exit(Broken.exit_code)


class OpenStore:
    """The store of a server, open from construction to close(); any thread may use it."""

    def __init__(self, settings: Settings, segment: Segment, wake_workers: Callable[[], None]) -> None:
        """Bring the segment up to the store; StoreError when that cannot be."""
        self._segment = segment
        with ExitStack() as undo:
            self.database = Database.primary(settings.db_path, block_cache=settings.block_cache)
            undo.callback(self.database.close)
            sweep_followers(settings.db_path)
            keep = _keep(settings)
            index = Index(self.database)
            rules = AllRules(AccountRules(lambda: index))
            self._committer = Committer(self.database, rules, segment=segment, wake=wake_workers, keep=keep)
            self._committer.on_broken = _make_room
            fresh = segment.done == 0
            if fresh:
                sweep_images(settings.db_path)  # of another server's time, perhaps of what a backup has since replaced
            try:
                self._committer.start()
            except ValueError as error:
                raise StoreError(f"the shared cache does not fit {settings.db_path}: {error}") from None
            undo.callback(self._committer.close)
            self._warmer = Warmer(self._committer)
            loaded = self._warmer.load_filter() if fresh else False
            segment.set_ready(True)
            self._warmer.start(filter_is_there=loaded)
            undo.callback(self._warmer.close)
            reader = StoreReader(self.database, segment.filter_maybe_apex)
            self.backend = LocalBackend(reader, self._committer, self.close, lambda: self.accounts)
            self.backend.running = True
            self.accounts = Accounts(index, reader, self._committer.submit)
            self._closing = undo.pop_all()

    def make_accounts(self, settings: Settings) -> None:
        """The first tenant and user, where there are none yet. Apart from opening: hashing a password takes longer than that."""
        told = first.make(self.accounts, settings.db_path, settings.admin_password, settings.password_min)
        if told is not None:
            log().info("accounts made", user=first.USER, password_in=str(told))

    def state(self) -> dict[str, Any]:
        """For status."""
        failure = self._warmer.failure
        return {
            "position": self._committer.last,
            "warmed": self._warmer.warmed,
            "settled": self._warmer.settled,
            "warming_failed": failure.message if failure is not None else None,
        }

    def listen(self, listener: Listener) -> None:
        """Tell this one of each commit from now on."""
        self._committer.listen(listener)

    def numbers(self) -> dict[str, int]:
        """Last commit, octets of all journals, and RocksDB's metrics.PROPERTIES as far as it tells them."""
        told = {name: self.database.property(f"rocksdb.{name}") for name in PROPERTIES}
        return {
            "commit": self._committer.last,
            "journal": self._committer.kept,
            **{name: int(value) for name, value in told.items() if value is not None and value.isdigit()},
        }

    def statistics(self) -> Statistics:
        """RocksDB's statistics since it was opened."""
        return parse(self.database.statistics())

    def observe(self, told: Callable[[int, float, float], None]) -> None:
        """Tell this one of each commit: changes in it, seconds until it was synced, seconds from there until it was visible."""
        self._committer.observe(told)

    def adjust(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self._committer.keep = _keep(settings)

    def cache_misses(self) -> None:
        """Cache what workers looked for and did not find."""
        self._warmer.cache_misses()

    def close(self) -> None:
        """Commit what was submitted, save the filter, let go."""
        self._closing.close()


def open_for_command(settings: Settings, *, create: bool, after: Callable[[], None] = lambda: None) -> LocalBackend:
    """In a command, while no server runs. StoreLocked when one does. after: called when it is closed.

    A database made here that nothing was written to is gone afterwards.
    """
    path = settings.db_path
    made = create and not (path / "CURRENT").is_file() and not switch.pending(path)
    database = Database.primary(path, block_cache=settings.block_cache, create=create)
    index = cache(lambda: Index(database))
    committer = Committer(database, AllRules(AccountRules(index)), keep=_keep(settings))
    committer.start()

    def close() -> None:
        committer.close()
        unused = made and database.position == 0
        database.close()
        if unused:
            destroy(path)
        after()

    reader = StoreReader(database)
    return LocalBackend(reader, committer, close, lambda: Accounts(index(), reader, committer.submit))
