"""Reads zone files and hands each zone over whole: small ones in groups that share a commit, large ones as a stream.

Owns: the order of the work, who failed, the summary. Never: text (zones/zonefile.py), rules, the store.
Each file succeeds or fails by itself and the zone of one that fails stays as it was. While a running server commits one group
the next is being read. Trouble with the database itself ends the import: the files after it are not tried.
"""

import itertools
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nsblast.backend import Backend
from nsblast.backend.remote import whoami
from nsblast.cli import present
from nsblast.cli.progress import Progress
from nsblast.cli.speak import file_errors, say, say_json_list, show_progress, warn
from nsblast.cli.target import opened
from nsblast.cli.zone_folder import zone_files
from nsblast.errors import ControlError, InputError, NsblastError, StoreError, UsageError
from nsblast.records import name_to_text
from nsblast.settings import Settings
from nsblast.types import Wire
from nsblast.zones.collect import ZoneImport, read_zone
from nsblast.zones.model import ChangeSet, ReplaceZone, Result

GROUP_ZONES = 256
GROUP_OCTETS = 4 << 20
SMALL_NAMES = 2000
"""A zone of more names is handed over as a stream, by itself."""
_LOOK = 0.1  # seconds between two looks at how far a large zone has come


@dataclass
class Outcome:
    """What became of one file."""

    file: Path
    apex: Wire | None = None
    names: int = 0
    records: int = 0
    result: Result | None = None
    error: NsblastError | None = None

    @property
    def fatal(self) -> bool:
        """The database itself has failed, not this file."""
        return isinstance(self.error, StoreError | ControlError)

    def message(self) -> str:
        """The error with the file's name in it."""
        assert self.error is not None
        told = self.error.message
        return (
            told if self.error.details.get("file") or self.fatal or str(self.file) in told else f"{self.file}: {told}"
        )


@dataclass
class Tally:
    """All outcomes together."""

    imported: int = 0
    unchanged: int = 0
    failed: int = 0
    names: int = 0
    records: int = 0
    codes: set[int] = field(default_factory=set)

    def take(self, outcome: Outcome) -> None:
        """Count one."""
        if outcome.error is not None:
            self.failed += 1
            self.codes.add(outcome.error.exit_code)
            return
        self.names += outcome.names
        self.records += outcome.records
        if outcome.result is not None and present.has_changed(outcome.result):
            self.imported += 1
        else:
            self.unchanged += 1

    @property
    def exit_code(self) -> int:
        """0, the code of what failed, or 1 when files failed in different ways."""
        return min(self.codes, default=0) if len(self.codes) < 2 else 1


def import_files(
    settings: Settings, paths: Iterable[Path], origin: Wire | None, *, dry_run: bool, as_json: bool
) -> int:
    """The command; returns its exit code."""
    files = list(zone_files(paths))
    if origin is not None and len(files) > 1:
        raise UsageError(f"--origin names one zone, but there are {len(files)} files")
    tally = Tally()
    began = time.monotonic()
    octets = sum(file.stat().st_size for file in files if file.is_file()) if show_progress(as_json) else 0
    with (
        closing(opened(settings, "nsblast zone import", create=not dry_run)) as backend,
        Progress(octets, shown=show_progress(as_json)) as progress,
    ):
        outcomes = _told(Importer(backend, settings, origin, dry_run, progress).run(files), tally, progress)
        if as_json:
            counts: dict[str, Any] = {
                name: lambda name=name: getattr(tally, name) for name in ("imported", "unchanged", "failed")
            }
            say_json_list("zones", (_members(one, dry_run) for one in outcomes), **counts)
        else:
            for one in outcomes:
                if dry_run and one.result is not None:
                    progress.hidden()
                    for line in present.result_lines(one.result, dry_run):
                        say(line)
    if not as_json and not dry_run and sys.stdout.isatty():
        say(_summary(tally, time.monotonic() - began))
    return tally.exit_code


def _told(outcomes: Iterator[Outcome], tally: Tally, progress: Progress) -> Iterator[Outcome]:
    """The outcomes, counted; what failed is told at once."""
    for one in outcomes:
        tally.take(one)
        if one.error is not None:
            progress.hidden()
            warn(one.message())
        yield one


def _summary(tally: Tally, seconds: float) -> str:
    text = f"{tally.imported} zones imported, {tally.unchanged} unchanged, {tally.failed} failed"
    return f"{text}: {tally.names} names, {tally.records} records in {seconds:.1f} s"


def _members(one: Outcome, dry_run: bool) -> dict[str, Any]:
    known: dict[str, Any] = {"file": str(one.file), "zone": name_to_text(one.apex) if one.apex is not None else None}
    if one.error is not None:
        return {**known, "error": type(one.error).__name__, "message": one.message(), "details": one.error.details}
    assert one.result is not None
    members = present.result_members(one.result, dry_run)
    if not dry_run:
        # An import may change millions of records; `zone history` has them.
        del members["removed"], members["added"]
    return {**known, "names": one.names, "records": one.records, **members}


class Importer:
    """One run over many files."""

    def __init__(
        self, backend: Backend, settings: Settings, origin: Wire | None, dry_run: bool, progress: Progress
    ) -> None:
        self._backend = backend
        self._settings = settings
        self._origin = origin
        self._dry_run = dry_run
        self._progress = progress
        self._actor = whoami()
        self._seen: dict[Wire, Path] = {}
        self._group: list[tuple[Outcome, ChangeSet]] = []
        self._group_octets = 0
        self._under_way: Future[list[Outcome]] | None = None
        self._names = 0

    def run(self, files: Iterable[Path]) -> Iterator[Outcome]:
        """One outcome for each file, up to the one at which the database failed."""
        with ThreadPoolExecutor(1, thread_name_prefix="commit") as pool:
            for one in self._outcomes(files, pool):
                yield one
                if one.fatal:
                    return

    def _outcomes(self, files: Iterable[Path], pool: ThreadPoolExecutor) -> Iterator[Outcome]:
        for file in files:
            one = Outcome(file)
            try:
                yield from self._take(one, pool)
            except NsblastError as error:
                one.error = error
                yield one
        yield from self._send(pool)
        yield from self._received()

    def _take(self, one: Outcome, pool: ThreadPoolExecutor) -> Iterator[Outcome]:
        with file_errors(f"read {one.file}"):
            zone = read_zone(
                one.file,
                self._origin,
                memory=self._settings.import_memory,
                # A large zone is sorted in a file without a name, where there must be room for it anyway.
                spill_dir=str(self._settings.db_path) if self._settings.db_path.is_dir() else None,
                on_progress=self._progress.read,
            )
        one.apex, one.records = zone.apex, zone.records
        first = self._seen.setdefault(zone.apex, one.file)
        if first != one.file:
            raise InputError(f"{one.file}: zone {name_to_text(zone.apex)} was read from {first} already")
        entries = zone.pairs()
        few = list(itertools.islice(entries, SMALL_NAMES + 1))
        if len(few) > SMALL_NAMES:
            yield from self._send(pool)
            yield from self._received()
            yield self._large(one, zone, itertools.chain(few, entries), pool)
            return
        one.names = len(few)
        self._names += one.names
        self._progress.finished(self._names)
        self._group.append((one, self._change(one, few)))
        self._group_octets += sum(len(key) + len(blob) for key, blob in few)
        if len(self._group) >= GROUP_ZONES or self._group_octets >= GROUP_OCTETS:
            yield from self._send(pool)

    def _change(self, one: Outcome, entries: Iterable[tuple[bytes, bytes]]) -> ChangeSet:
        assert one.apex is not None
        comment = f"import {one.file.name}"
        return ChangeSet(one.apex, (ReplaceZone(entries),), actor=self._actor, comment=comment, dry_run=self._dry_run)

    def _send(self, pool: ThreadPoolExecutor) -> Iterator[Outcome]:
        """Begin to commit the group; gives the outcomes of the one before."""
        yield from self._received()
        if self._group:
            self._under_way = pool.submit(self._commit, self._group)
            self._group, self._group_octets = [], 0
            if not self._backend.running:
                # In one process reading and committing would only pass the interpreter's lock to and fro, 5 ms a time.
                yield from self._received()

    def _received(self) -> Iterator[Outcome]:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            yield from under_way.result()

    def _commit(self, group: list[tuple[Outcome, ChangeSet]]) -> list[Outcome]:
        try:
            results = self._backend.apply_many([change for _, change in group])
        except NsblastError as error:
            results = [error] * len(group)
        for (one, _), result in zip(group, results, strict=True):
            if isinstance(result, NsblastError):
                one.error = result
            else:
                one.result = result
        return [one for one, _ in group]

    def _large(
        self,
        one: Outcome,
        zone: ZoneImport,
        entries: Iterator[tuple[bytes, bytes]],
        pool: ThreadPoolExecutor,
    ) -> Outcome:
        done = pool.submit(self._commit, [(one, self._change(one, entries))])
        while not wait_for([done], _LOOK).done:
            self._progress.written(self._names + zone.names, self._names + one.records)
        done.result()
        one.names = zone.names
        self._names += one.names
        self._progress.finished(self._names)
        return one
