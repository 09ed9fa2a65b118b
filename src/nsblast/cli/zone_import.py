"""Reads zone files and hands each zone over whole: new small ones by the thousand, others in groups, large ones as a stream.

Owns: the order of the work, who failed, the summary. Never: text (zones/zonefile.py), rules, the store.
New zones are made in one ingestion a group (CreateZones), which costs them a few microseconds each; those that turn out to be
there already are replaced like the few of a small import, with their difference journalled. Each file succeeds or fails by itself and the zone of one that fails stays as it was. While a running server commits one group
the next is being read. Trouble with the database itself ends the import: the files after it are not tried.
"""

import gc
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

from nsblast._core.small import read_small
from nsblast.backend import Backend
from nsblast.backend.remote import whoami
from nsblast.cli import present
from nsblast.cli.progress import Progress
from nsblast.cli.speak import file_errors, say, say_json_list, show_progress, warn
from nsblast.cli.target import opened
from nsblast.cli.zone_folder import zone_files
from nsblast.errors import Conflict, ControlError, InputError, NsblastError, StoreError, UsageError
from nsblast.records import name_to_text
from nsblast.settings import Settings
from nsblast.types import Wire
from nsblast.zones.collect import ZoneImport, read_ahead, read_zone
from nsblast.zones.model import ChangeSet, CreateZones, NewZone, ReplaceZone, Result

MANY_ZONES = 8192
"""New zones that one commit makes; they appear together."""
MANY_OCTETS = 16 << 20
FEW_ZONES = 32
"""A group of no more goes the ordinary way, and its contents into the journal."""
GROUP_ZONES = 256
GROUP_OCTETS = 4 << 20
SMALL_NAMES = 2000
"""A zone of more names is handed over as a stream, by itself."""
_LOOK = 0.1  # seconds between two looks at how far a large zone has come


@dataclass(slots=True)
class Outcome:
    """What became of one file."""

    file: Path
    apex: Wire | None = None
    names: int = 0
    records: int = 0
    result: Result | None = None
    error: NsblastError | None = None

    def take(self, result: Result | NsblastError) -> None:
        """What the database said."""
        if isinstance(result, NsblastError):
            self.error = result
        else:
            self.result = result

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
    settings: Settings, paths: Iterable[Path], origin: Wire | None, *, tenant: str, dry_run: bool, as_json: bool
) -> int:
    """The command; returns its exit code. tenant: id or name of the tenant that new zones belong to; "" = the first."""
    files = list(zone_files(paths))
    if origin is not None and len(files) > 1:
        raise UsageError(f"--origin names one zone, but there are {len(files)} files")
    # Of some millions of objects that are all needed, nothing is garbage in rings: looking for it would take a third of the time.
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)
    tally = Tally()
    began = time.monotonic()
    octets = sum(file.stat().st_size for file in files if file.is_file()) if show_progress(as_json) else 0
    with (
        closing(opened(settings, "nsblast zone import", create=not dry_run)) as backend,
        Progress(octets, shown=show_progress(as_json)) as progress,
    ):
        importer = Importer(
            backend, settings, origin, dry_run, progress, tenant=backend.tenant_id(tenant) if tenant else ""
        )
        outcomes = _told(importer.run(files), tally, progress)
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


def _comment(one: Outcome) -> str:
    return f"import {one.file.name}"


class Importer:
    """One run over many files."""

    def __init__(
        self,
        backend: Backend,
        settings: Settings,
        origin: Wire | None,
        dry_run: bool,
        progress: Progress,
        *,
        tenant: str = "",
    ) -> None:
        self._backend = backend
        self._settings = settings
        self._origin = origin
        self._dry_run = dry_run
        self._progress = progress
        self._actor = whoami()
        self._tenant = tenant
        self._seen: dict[Wire, str] = {}
        self._group: list[tuple[Outcome, list[tuple[bytes, bytes]]]] = []
        self._group_octets = 0
        self._are_new = not dry_run
        """Whether zones read lately were not there before; a guess that saves asking for each twice."""
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
        for file, text in read_ahead(files):
            one = Outcome(file)
            try:
                yield from self._take(one, text, pool)
            except NsblastError as error:
                one.error = error
                yield one
        yield from self._send(pool)
        yield from self._received()

    def _take(self, one: Outcome, text: bytes | None, pool: ThreadPoolExecutor) -> Iterator[Outcome]:
        small = read_small(text, self._origin) if text is not None else None
        if text is not None and small is not None:
            one.apex, one.records, entries = small
            self._progress.read(len(text), 0)
            self._note(one)
            yield from self._gather(one, entries, pool)
            return
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
        self._note(one)
        stream = zone.pairs()
        few = list(itertools.islice(stream, SMALL_NAMES + 1))
        if len(few) > SMALL_NAMES:
            yield from self._send(pool)
            yield from self._received()
            yield self._large(one, zone, itertools.chain(few, stream), pool)
            return
        yield from self._gather(one, few, pool)

    def _note(self, one: Outcome) -> None:
        assert one.apex is not None
        path = str(one.file)
        first = self._seen.setdefault(one.apex, path)
        if first is not path:
            raise InputError(f"{path}: zone {name_to_text(one.apex)} was read from {first} already")

    def _gather(self, one: Outcome, entries: list[tuple[bytes, bytes]], pool: ThreadPoolExecutor) -> Iterator[Outcome]:
        one.names = len(entries)
        self._names += one.names
        self._progress.finished(self._names)
        self._group.append((one, entries))
        self._group_octets += sum([len(blob) for _, blob in entries])
        zones, octets = (MANY_ZONES, MANY_OCTETS) if self._are_new else (GROUP_ZONES, GROUP_OCTETS)
        if len(self._group) >= zones or self._group_octets >= octets:
            yield from self._send(pool)

    def _change(self, one: Outcome, entries: Iterable[tuple[bytes, bytes]]) -> ChangeSet:
        assert one.apex is not None
        op = ReplaceZone(entries, tenant=self._tenant)
        return ChangeSet(one.apex, (op,), actor=self._actor, comment=_comment(one), dry_run=self._dry_run)

    def _send(self, pool: ThreadPoolExecutor) -> Iterator[Outcome]:
        """Begin to commit the group; gives the outcomes of the one before."""
        yield from self._received()
        if self._group:
            self._under_way = pool.submit(self._commit_group, self._group)
            self._group, self._group_octets = [], 0
            if not self._backend.running:
                # In one process reading and committing would only pass the interpreter's lock to and fro, 5 ms a time.
                yield from self._received()

    def _received(self) -> Iterator[Outcome]:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            yield from under_way.result()

    def _commit_group(self, group: list[tuple[Outcome, list[tuple[bytes, bytes]]]]) -> list[Outcome]:
        left = group
        if self._are_new and len(group) > FEW_ZONES:
            left = self._create(group)
            self._are_new = len(left) * 2 < len(group)
        made = 0
        for part in (left[at : at + GROUP_ZONES] for at in range(0, len(left), GROUP_ZONES)):
            self._commit([(one, self._change(one, entries)) for one, entries in part])
            made += sum(1 for one, _ in part if one.result is not None and one.result.serial_before is None)
        if not self._dry_run and made * 2 > len(left):
            self._are_new = True
        return [one for one, _ in group]

    def _create(
        self, group: list[tuple[Outcome, list[tuple[bytes, bytes]]]]
    ) -> list[tuple[Outcome, list[tuple[bytes, bytes]]]]:
        """Make the zones of a group; gives back those that are there already, or that must be tried one by one."""
        zones = [NewZone(one.apex or b"", _comment(one), self._tenant, entries) for one, entries in group]
        try:
            results = self._backend.create_zones(CreateZones(zones, actor=self._actor))
        except Conflict:
            return group
        except NsblastError as error:
            results = [error] * len(group)
        left = []
        for each, result in zip(group, results, strict=True):
            if isinstance(result, Conflict):
                left.append(each)
            else:
                each[0].take(result)
        return left

    def _commit(self, group: list[tuple[Outcome, ChangeSet]]) -> None:
        try:
            results = self._backend.apply_many([change for _, change in group])
        except NsblastError as error:
            results = [error] * len(group)
        for (one, _), result in zip(group, results, strict=True):
            one.take(result)

    def _large(
        self,
        one: Outcome,
        zone: ZoneImport,
        entries: Iterator[tuple[bytes, bytes]],
        pool: ThreadPoolExecutor,
    ) -> Outcome:
        done: Future[None] = pool.submit(self._commit, [(one, self._change(one, entries))])
        while not wait_for([done], _LOOK).done:
            self._progress.written(self._names + zone.names, self._names + one.records)
        done.result()
        one.names = zone.names
        self._names += one.names
        self._progress.finished(self._names)
        return one
