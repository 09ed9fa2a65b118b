"""The one writer: takes changes from any thread, commits them in groups, makes them visible, tells who listens.

Owns: the committing thread, commit numbers, groups, the order of a commit (docs/architecture.md), who waits for whom.
Never: what a change means (Rules), what it shows (visible.py).
Invariants: a future is resolved after its commit is synced and visible in every worker; a change that fails takes nobody with
it; changes of one zone are applied in the order they were submitted. `lock` is held from before a commit is on the disk until it
is visible, so that nobody fills the cache with what is not visible yet. Who commits has the turn (turn.py): the committing
thread, or for small changes the loop that brings them.
"""

import asyncio
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nsblast.errors import Conflict, NsblastError, StoreError
from nsblast.store import batch, changes, layout, owned
from nsblast.store.commit import Applied, Bulk, BulkEnd, Event, Newborn, NewbornEnd, Rules
from nsblast.store.engine import Batch, Database, NotDurable
from nsblast.store.jobs import Ended, Job, Listeners, Times, tell
from nsblast.store.overlay import Base, Overlay, Remembered
from nsblast.store.recover import bring_up
from nsblast.store.turn import Turn
from nsblast.store.values_v1 import What, ZoneChange, ZoneRecord
from nsblast.store.visible import Plan, SegmentFace, Visible
from nsblast.types import Clock, CommitNumber, Wire

GROUP = 512
"""Change-sets one commit takes at most."""
TEND = 0.1
"""Seconds between two looks at what is to be tidied."""
FOLDER = "bulk"


class Broken(StoreError):
    """A commit is on the disk and could not be made visible, or perhaps not on the disk: only a new writer can mend that."""


class Committer:
    """Commits. With segment=None nothing but the store is kept up to date (a command without a server)."""

    def __init__(
        self,
        database: Database,
        rules: Rules,
        *,
        segment: SegmentFace | None = None,
        wake: Callable[[], None] = lambda: None,
        keep: changes.Keep | None = None,
        clock: Clock = time.time,
    ) -> None:
        self.database = database
        self.lock = threading.Lock()
        self.keep = keep or changes.Keep()
        self.after_bulk: Callable[[], None] = lambda: None
        """Called after a bulk change: the cache no longer holds everything."""
        self.on_broken: Callable[[Broken], None] = lambda _: None
        """Called in the committing thread when it ends by Broken: the process had better make room for a successor."""
        self.last: CommitNumber = database.position
        self.visible = Visible(segment, database, wake) if segment is not None else None
        self._rules = rules
        self._clock = clock
        self._kept = batch.octets_kept(database)
        self._folder = database.path / FOLDER
        self._store = Remembered(database)
        self._turn = Turn()
        self._taken: dict[Wire, deque[Job]] = {}
        self._ready: deque[Job] = deque()
        self._unprepared: list[Job] = []
        """Handed to the preparing thread when the group they were collected with is committed: it reads the store."""
        self._ended_jobs: list[Ended] = []
        self._overfull: set[Wire] = set()
        """Zones whose journal may be beyond the bound of one."""
        self._begins: dict[Wire, int] = {}
        """Where the journal of a zone that was trimmed begins: no less is kept of it. Few are ever trimmed."""
        self._listeners = Listeners()
        self.listen, self.observe = self._listeners.add, self._listeners.observe
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prepare")
        self._thread = threading.Thread(target=self._run, name="commit", daemon=True)
        self._ended = False
        self._broken: Broken | None = None
        self._tended = 0.0
        self._waited = 0.0  # seconds the last commit waited for the disk and for workers

    def start(self) -> None:
        """Bring the segment up to the store, then take changes."""
        shutil.rmtree(self._folder, ignore_errors=True)
        owned.complete(self.database)
        if self.visible is not None:
            with self.lock:
                self.last = max(self.last, bring_up(self.visible, self.database))
        self._thread.start()

    def close(self) -> None:
        """Commit what was submitted, then end; the database stays open."""
        if not self._ended:
            self._ended = True
            self._turn.put(None)
            self._turn.wait()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def kept(self) -> int:
        """Octets of all journals."""
        return self._kept

    def submit(self, change: Any) -> "Future[Any]":
        """The result comes when the change is durable and visible. Any thread may call this."""
        future: Future[Any] = Future()
        if self._ended:
            future.set_exception(StoreError("the store is being closed"))
        else:
            self._turn.put(Job(change, future))
        return future

    def submit_in_loop(self, change: Any, *, alone: bool = False) -> "asyncio.Future[Any]":
        """submit() for a coroutine of the running loop, in which small changes are committed. alone: nothing else waits for the loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        job = Job(change, future, loop)
        if self._ended:
            future.set_exception(StoreError("the store is being closed"))
        elif not self._rules.is_small(change):
            self._turn.put(job)
        elif alone and self._turn.take():
            self._commit_here([job])
        elif self._turn.gather(job):
            loop.call_soon(lambda: self._commit_here(self._turn.take_gathered()))
        return future

    def _commit_here(self, jobs: list[Job]) -> None:
        """In the thread of the jobs' loop, which has the turn unless there are none."""
        if not jobs:
            return
        self._waited, here = 0.0, asyncio.get_running_loop()
        busy = self._ended or self._taken or self._ready or self.lock.locked() or jobs[0].loop is not here
        try:
            for job in jobs:
                job.here = not busy
                if busy:
                    self._turn.put(job)
            if not busy:
                self._commit(jobs)
            elif self._broken:
                self._refuse_rest(self._broken)
        except Broken as error:
            self._break(error)
            self._turn.put(None)
        finally:
            self._turn.end(self._waited)

    def apply(self, change: Any) -> Any:
        """submit(), and wait."""
        return self.submit(change).result()

    # -- the committing thread --

    def _run(self) -> None:
        try:
            self._take_changes()
        except Broken as error:
            self._break(error)

    def _break(self, error: Broken) -> None:
        self._broken = error
        self._ended = True
        self._refuse_rest(error)
        self.on_broken(error)

    def _refuse_rest(self, error: StoreError) -> None:
        for job in [*self._ready, *self._unprepared, *(job for jobs in self._taken.values() for job in jobs)]:
            self._fail(job, error)
        for late in self._turn.left():
            self._fail(late, error)
        self._settle()

    def _take_changes(self) -> None:
        ended = False
        while not (ended and not self._taken and not self._ready):
            with self._turn.of_thread(wait=0.0 if self._ready else TEND) as waiting:
                ended = self._take_group(waiting) or ended
        self._refuse_rest(StoreError("the store is being closed"))

    def _take_group(self, waiting: Iterator[Job | None]) -> bool:
        """One commit of what waits and may go on now; whether the end was asked for."""
        group, end = self._collect(waiting)
        ordinary = [job for job in group if not isinstance(job.prepared, Bulk | Newborn)]
        if ordinary:
            self._commit(ordinary)
        for job in group:
            if isinstance(job.prepared, Bulk | Newborn):
                self._commit_bulk(job, job.prepared)
        for job in group:
            if job.locked:
                self._let_go(job)
        for job in self._unprepared:
            self._pool.submit(self._prepare, job)
        self._unprepared.clear()
        if time.monotonic() - self._tended > TEND:
            self._tend()
        return end

    def _collect(self, waiting: Iterator[Job | None]) -> tuple[list[Job], bool]:
        group: list[Job] = []
        end = False
        while len(group) < GROUP:
            if self._ready:
                job: Job | None = self._ready.popleft()
            else:
                try:
                    job = next(waiting)
                except StopIteration:
                    break
            if job is None:
                end = True
            elif self._may_go(job):
                group.append(job)
        return group, end

    def _may_go(self, job: Job) -> bool:
        if job.locked:
            return True
        try:
            zone = self._rules.zone_of(job.change)
            if zone in self._taken:
                self._taken[zone].append(job)
                return False
            if not self._rules.needs_preparing(job.change, self._store):
                return True
        except Exception as error:
            self._fail(job, error)
            self._settle()
            return False
        job.locked = True
        self._taken[zone] = deque()
        self._unprepared.append(job)
        return False

    def _prepare(self, job: Job) -> None:
        """In the preparing thread; the job comes back through the queue."""
        try:
            self._folder.mkdir(exist_ok=True)
            job.prepared = self._rules.prepare(job.change, self.database, self._folder)
        except BaseException as error:
            job.failure = error
        self._turn.put(job)

    def _let_go(self, job: Job) -> None:
        self._ready.extend(self._taken.pop(self._rules.zone_of(job.change)))

    def _fail(self, job: Job, error: BaseException) -> None:
        self._ended_jobs.append((job, None, error))

    def _settle(self) -> None:
        """Tell what came of the jobs that have ended."""
        ended, self._ended_jobs = self._ended_jobs, []
        tell(ended)

    def _commit(self, jobs: list[Job]) -> None:
        now = self._clock()
        number = self.last + 1
        group = Overlay(self._store)
        applied: list[Applied] = []
        finished: list[tuple[Job, Any]] = []
        for job in jobs:
            if job.failure is not None:
                self._fail(job, job.failure)
                continue
            view = Overlay(group)
            try:
                one = self._rules.apply(job.prepared or job.change, view, number, now)
            except Exception as error:
                self._fail(job, error)
                continue
            finished.append((job, one.result))
            if one.writes and not self._rules.is_dry(job.change):
                group.take(view)
                applied.append(one)
        if applied:
            try:
                times = self._write(group, applied, number, now)
            except Exception as error:
                for job, _ in finished:
                    self._fail(job, error)
                self._settle()
                if isinstance(error, Broken):
                    raise
                return
        for one in applied:
            if one.taken is not None:
                one.taken()
        self._ended_jobs += [(job, result, None) for job, result in finished]
        loop = jobs[0].loop if jobs[0].here else None
        if loop is not None:
            self._settle()
        if applied:
            zones = tuple(one.zone for one in applied if one.zone is not None)
            self._listeners.note(Event(number, now, zones, tuple(group.records)), times)
            if loop is not None:
                loop.call_soon(self._listeners.tell)  # after the answers, which are due in the loop before this
            else:
                self._listeners.tell()
        # Last: who is woken wants the interpreter, which this thread then soon lets go of.
        self._settle()

    def _write(self, group: Overlay, applied: list[Applied], number: CommitNumber, now: float) -> Times:
        written = batch.batch_of(group, applied, number, now, self._kept)
        zones = [one.zone for one in applied if one.zone is not None]
        began = time.perf_counter()
        with self.lock:
            if self.visible is None:
                self._write_batch(written)
                self.last = number
                synced = time.perf_counter()
                self._waited = synced - began
            else:
                plan = self.visible.plan(group, zones)
                try:
                    self.visible.stage(plan)
                    staged = time.perf_counter()
                    self._write_batch(written)
                except BaseException:
                    self.visible.forget()
                    raise
                self.last = number
                synced = time.perf_counter()
                try:
                    self.visible.show(number, plan)
                except Exception as error:
                    raise Broken(f"commit {number} is stored, but cannot be made visible: {error}") from error
                self._waited = time.perf_counter() - staged
        self._store.learn(group)
        for apex, record in group.zones.items():
            self._measure(apex, record)
        shown = time.perf_counter()
        self._kept += sum(one.octets for one in applied)
        if any(zone.bulk for zone in zones):
            self.after_bulk()
        return len(applied), synced - began, shown - synced

    def _write_batch(self, written: Batch) -> None:
        try:
            self.database.write(written)
        except NotDurable as error:
            raise Broken(error.message) from error

    def _commit_bulk(self, job: Job, bulk: Bulk | Newborn) -> None:
        now = self._clock()
        number = self.last + 1
        zones: tuple[ZoneChange, ...] = ()
        try:
            if isinstance(bulk, Newborn):
                self._demand_new(bulk)
            end = bulk.end(number, now)
            if self._rules.is_dry(job.change):
                bulk.discard()
            elif isinstance(end, BulkEnd):
                assert isinstance(bulk, Bulk)
                zones = (end.zone,)
                times = self._ingest(bulk, end, number, now)
            elif isinstance(bulk, Newborn) and bulk.apexes:
                zones = tuple(
                    ZoneChange(apex, What.CREATED, record.serial, True)
                    for apex, record in zip(bulk.apexes, end.records, strict=True)
                )
                times = self._ingest_newborn(bulk, end, number, now)
        except BaseException as error:
            bulk.discard()
            self._fail(job, error)
            self._settle()
            if isinstance(error, Broken):
                raise
            return
        self._ended_jobs.append((job, end.result, None))
        self._settle()
        if zones:
            self._listeners.note(Event(number, now, zones), times)
            self._listeners.tell()
            self.after_bulk()

    def _demand_new(self, born: Newborn) -> None:
        """Conflict when one of the zones was made, or began to be made, after it was looked that none is there."""
        late = [apex for apex in born.apexes if apex in self._taken] if len(self._taken) > 1 else []
        if born.since != self.last:
            late += [apex for apex in born.apexes if self.database.get(layout.zone_key(apex))]
        if late:
            raise Conflict(f"{len(late)} of {len(born.apexes)} zones to be made together are being made by others")

    def _ingest(self, bulk: Bulk, end: BulkEnd, number: CommitNumber, now: float) -> Times:
        small = batch.files_of(self.database, self._folder, bulk.apex, end, number, now, self._kept)
        files = [small[0], *bulk.files, small[1]]
        times = self._ingest_files(
            files,
            number,
            lambda visible: visible.flip,
            lambda visible: self._bulk_plan(visible, bulk, end.zone, special=end.special),
        )
        self._measure(bulk.apex, end.record)
        self._kept += end.octets
        return times

    def _ingest_newborn(self, born: Newborn, end: NewbornEnd, number: CommitNumber, now: float) -> Times:
        others = batch.newborn_files(self.database, self._folder, born, end, number, now, self._kept)
        times = self._ingest_files(
            [*born.files, *others],
            number,
            lambda visible: visible.appear,
            lambda visible: visible.plan_newborn(born),
        )
        if self._begins:
            for apex, record in zip(born.apexes, end.records, strict=True):
                self._measure(apex, record)
        return times

    def _ingest_files(
        self,
        files: list[Path],
        number: CommitNumber,
        way: Callable[[Visible], Callable[[CommitNumber, Plan, Callable[[], None]], None]],
        plan_of: Callable[[Visible], Plan],
    ) -> Times:
        began = time.perf_counter()
        synced = began

        def write() -> None:
            nonlocal synced
            self._store.forget()
            self.database.ingest(files)
            self.last = number
            synced = time.perf_counter()

        with self.lock:
            if self.visible is None:
                write()
                self.database.nudge()
            else:
                plan = plan_of(self.visible)
                self.last = number  # used up, come what may
                try:
                    way(self.visible)(number, plan, write)
                except NsblastError:
                    raise
                except Exception as error:
                    raise Broken(f"bulk commit {number} cannot be made visible: {error}") from error
        return 1, synced - began, time.perf_counter() - synced

    def _measure(self, apex: Wire, record: ZoneRecord | None) -> None:
        bound, begin = self.keep.zone, self._begins.get(apex, 0)
        if begin and (record is None or record.journalled < begin):
            del self._begins[apex]  # another zone of the name begins anew
            begin = 0
        if record is not None and bound and record.journalled - begin > bound:
            self._overfull.add(apex)

    def _bulk_plan(self, visible: Visible, bulk: Bulk, zone: ZoneChange, *, special: bool) -> Plan:
        view = Overlay(Base(self.database))
        if zone.what is What.CREATED:
            view.zones[bulk.apex] = ZoneRecord()
        plan = visible.plan(view, [zone])
        # What names at and below a new zone's apex show is in the files: the cache forgets them, and workers, all caught
        # up by then, ask the store.
        plan.evicted, plan.shown = list(plan.shown), {}
        plan.hashes = bulk.hashes
        was = self.database.get(layout.special_key(bulk.apex)) is not None
        if was != special:
            plan.special[bulk.apex] = int(special) - int(was)
        return plan

    def _tend(self) -> None:
        self._tended = time.monotonic()
        try:
            if self.visible is not None:
                with self.lock:
                    self.visible.tend(self.last)
            self._kept = changes.trim(self.database, self.keep, self.last, self._kept, self._clock())
            # Who prepares a change of a zone may be reading its journal.
            for apex in [apex for apex in self._overfull if apex not in self._taken]:
                self._trim_zone(apex)
        except StoreError:
            # The next commit will meet the same trouble, and has somebody to tell it to.
            return

    def _trim_zone(self, apex: Wire) -> None:
        """A slice of what one zone has beyond its bound."""
        record = self._store.zone(apex)
        done = True
        if record is not None and self.keep.zone:
            done, begin, self._kept = changes.trim_zone(self.database, self.keep.zone, apex, record, self._kept)
            self._begins[apex] = begin
        if done:
            self._overfull.discard(apex)
