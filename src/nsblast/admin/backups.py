"""The running server's backups: the operations that the control socket and the admin API share, and the schedule.

Owns: when a backup is made by itself, plain values of what a backup is. Never: how one is made (store/backup.py).
The schedule counts from the newest backup there is, so that restarts neither skip nor double one.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from nsblast.control import Handler, Peer
from nsblast.errors import Conflict, NsblastError, StoreCorrupt, UsageError
from nsblast.logs import log
from nsblast.settings import Settings
from nsblast.store.backup import Backups
from nsblast.store.backup_folder import Manifest
from nsblast.store.engine import Database

_LOOK = 60.0
"""Seconds between two looks at the schedule at most: settings may have changed."""
_AFTER_FAILURE = 600.0


def members(manifest: Manifest) -> dict[str, Any]:
    """One backup as JSON shows it."""
    return {
        "id": manifest.id,
        "uuid": manifest.uuid,
        "timestamp": int(manifest.timestamp),
        "date": datetime.fromtimestamp(manifest.timestamp, UTC).isoformat(timespec="seconds"),
        "size": manifest.size,
        "number_files": len(manifest.files),
        "version": manifest.version,
        "position": manifest.position,
        "comment": manifest.comment,
    }


def folder_of(settings: Settings) -> Path:
    """Where backups lie."""
    return settings.backup_path or settings.db_path / "backups"


class BackupService:
    """All methods but run() may block: they are for threads."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self.backups = Backups(settings.db_path, folder_of(settings))
        self._wake = asyncio.Event()
        self.observe: Callable[[bool], None] = lambda _: None
        """Told of each attempt: whether a backup came of it."""

    def adjust(self, settings: Settings) -> None:
        """Take over settings that changed."""
        self._settings = settings
        self._wake.set()

    def create(self, comment: str = "") -> dict[str, Any]:
        """A backup now; the newest backup_keep stay."""
        try:
            made = self.backups.create(self._database, comment)
        except NsblastError:
            self.observe(False)
            raise
        self.observe(True)
        log().info("backup made", backup=made.id, uuid=made.uuid, octets=made.size, position=made.position)
        return members(made)

    def all(self) -> list[dict[str, Any]]:
        """All, the oldest first."""
        return [members(each) for each in self.backups.all()]

    def verify(self, which: int | str) -> dict[str, Any]:
        """Checksums, and a real open."""
        found: dict[str, Any] = msgspec.to_builtins(self.backups.verify(which))
        return found

    def delete(self, which: int | str) -> int:
        """The id of the one removed."""
        number = self.backups.delete(which)
        log().info("backup deleted", backup=number)
        return number

    def keep(self, number: int) -> list[int]:
        """Ids of those removed."""
        gone = self.backups.keep(number)
        if gone:
            log().info("backups deleted", backups=gone, kept=number)
        return gone

    # -- the schedule --

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.backups.tidy)
        failed_until = 0.0
        while True:
            wait = _LOOK
            try:
                due = await loop.run_in_executor(None, self._due)
                wait = min(_LOOK, max(due, failed_until - time.monotonic()))
                if wait <= 0:
                    await loop.run_in_executor(None, self._scheduled)
                    continue
            except Conflict:
                wait = 1.0  # somebody's own backup is being made
            except NsblastError as error:
                log().error("scheduled backup failed", reason=error.message)
                failed_until = time.monotonic() + min(_AFTER_FAILURE, self._settings.backup_every)
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait)

    def _due(self) -> float:
        """Seconds until a backup is to be made."""
        every = self._settings.backup_every
        if not every:
            return _LOOK
        ids = self.backups.folder.ids()
        try:
            newest = self.backups.folder.manifest(ids[-1]).timestamp if ids else 0.0
        except StoreCorrupt:
            newest = 0.0
        return newest + every - time.time() if newest <= time.time() else every

    def _scheduled(self) -> None:
        self.create("scheduled")
        if self._settings.backup_keep:
            self.keep(self._settings.backup_keep)

    # -- the control socket --

    def operations(self) -> Mapping[str, Handler]:
        """For control.Server."""

        def create(args: dict[str, Any], _: Peer) -> Any:
            return self.create(str(args.get("comment", "")))

        def verify(args: dict[str, Any], _: Peer) -> Any:
            return self.verify(_which(args))

        def delete(args: dict[str, Any], _: Peer) -> Any:
            return self.delete(_which(args))

        def keep(args: dict[str, Any], _: Peer) -> Any:
            number = args.get("number")
            if not isinstance(number, int):
                raise UsageError("backup_keep wants a number")
            return self.keep(number)

        return {
            "backup_create": create,
            "backup_folder": lambda _args, _peer: str(self.backups.folder.path.resolve()),
            "backup_list": lambda _args, _peer: self.all(),
            "backup_verify": verify,
            "backup_delete": delete,
            "backup_keep": keep,
        }


def _which(args: dict[str, Any]) -> int | str:
    which = args.get("which")
    if not isinstance(which, int | str):
        raise UsageError("which backup?")
    return which
