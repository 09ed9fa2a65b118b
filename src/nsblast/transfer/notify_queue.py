"""NOTIFYs that are to be sent, under way, or to be sent again: which one next, and when.

Owns: one job for each zone and secondary, however often the zone changes; room and order by destination, so that one which is slow
or dead delays no other; waiting for answers, back-off, giving up, and taking all up again when a destination is heard of. Never:
sockets, messages, the clock (the caller says what time it is).
Invariants: a job is in at most one of: its destination's queue, under way, at rest; jobs under way never exceed their destination's
room. The first repetition comes soon, as datagrams get lost; then the interval doubles (RFC 1996 3.6: 60 s, five times).
A job costs memory as long as its secondary has not answered; of those that are given up MOST are kept, to be told when it is back.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from heapq import heappop, heappush

from nsblast.transfer.notify_targets import Plan, Target
from nsblast.types import CommitNumber, Wire

ROOM = 128
"""NOTIFYs under way to one destination."""
PROBES = 8
"""The same to one that does not answer."""
SILENT_AFTER = 8
"""Unanswered NOTIFYs in a row after which a destination counts as silent."""
MOST = 250_000
"""Jobs, of all zones. Beyond it none is made for destinations that are silent."""

Place = tuple[str, int]
"""Address and port."""


class State(Enum):
    """Of a job."""

    WAITING = "waiting"
    """For its destination's room."""
    SENT = "sent"
    RETRYING = "retrying"
    """Not answered; it will be sent again."""
    SILENT = "silent"
    """Given up, until the destination is heard of or the zone changes."""
    ENDED = "ended"
    """Told, or not to be told any more; it may still stand in a queue and is passed over there."""


@dataclass(frozen=True)
class Timing:
    """Seconds; tries is how often at most."""

    timeout: float
    interval: float
    tries: int


class Zone:
    """A zone that has jobs."""

    __slots__ = ("jobs", "loud", "number", "plan")

    def __init__(self, plan: Plan, number: CommitNumber) -> None:
        self.plan = plan
        self.number = number
        """The first commit that is not yet told to everybody."""
        self.jobs: list[Job] = []
        self.loud = 0
        """Of these, how many are not given up."""


class Job:
    """One secondary to be told of one zone."""

    __slots__ = ("due", "serial", "state", "target", "tries", "where", "zone")

    def __init__(self, zone: Zone, target: Target, where: "Destination") -> None:
        self.zone = zone
        self.target = target
        self.where = where
        self.state = State.WAITING
        self.tries = 0
        self.serial = 0
        """What the message under way says."""
        self.due = 0.0
        """When something is to happen to it: the end of waiting for an answer, or the next try."""


class Destination:
    """One address and port, for all zones."""

    __slots__ = ("in_turn", "place", "queue", "resting", "unanswered", "under_way")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.queue: deque[Job] = deque()
        self.resting: set[Job] = set()
        self.under_way = 0
        self.unanswered = 0
        self.in_turn = False

    @property
    def silent(self) -> bool:
        """Whether it has not answered for long."""
        return self.unanswered >= SILENT_AFTER

    @property
    def has_room(self) -> bool:
        """Whether a NOTIFY may go there now."""
        return self.under_way < (PROBES if self.silent else ROOM)


class Queue:
    """All jobs."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.zones: dict[Wire, Zone] = {}
        self.places: dict[Place, Destination] = {}
        self.jobs = 0
        self.dropped = 0
        """Jobs not made for want of room, since the start."""
        self._untold: dict[CommitNumber, int] = {}
        """How many zones have that number and something that is not given up: what is asked again and again must not cost all zones."""
        self._turns: deque[Destination] = deque()
        self._timers: list[tuple[float, int, Job]] = []
        self._count = 0

    # -- what is to be told

    def want(self, plan: Plan, target: Target, number: CommitNumber) -> None:
        """Tell a secondary of a zone as it is now. A job that waits tells the newer version; one under way is sent again when answered."""
        zone = self.zones.get(plan.apex)
        if zone is None:
            zone = Zone(plan, number)
        elif not zone.loud:
            zone.number = number
        zone.plan = plan
        place = target.address, target.port
        job = next((each for each in zone.jobs if each.where.place == place), None)
        if job is None:
            where = self.places.get(place)
            if where is None:
                where = self.places[place] = Destination(place)
            if self.jobs >= MOST and where.silent:
                self.dropped += 1
                return
            job = Job(zone, target, where)
            zone.jobs.append(job)
            self.zones[plan.apex] = zone
            self.jobs += 1
            self._louder(zone)
            self._ready(job)
            return
        if job.target.name or not target.name:
            job.target = target  # one that is configured, with its key, stays when it is of the NS set too
        if job.state is State.SILENT or (job.state is State.RETRYING and not job.where.silent):
            job.tries = 0
            self._rouse(job)

    def forget(self, apex: Wire) -> None:
        """The zone is gone."""
        self.keep(apex, lambda _: False)

    def keep(self, apex: Wire, wanted: Callable[[Target], bool]) -> None:
        """End the jobs of secondaries that the zone no longer has."""
        zone = self.zones.get(apex)
        for job in list(zone.jobs) if zone is not None else ():
            if not wanted(job.target):
                self.end(job)

    # -- what goes out

    def take(self, most: int, now: float) -> list[Job]:
        """Jobs to be sent now, from all destinations in turn; each counts as sent."""
        found: list[Job] = []
        turns = self._turns
        while turns and len(found) < most:
            where = turns.popleft()
            where.in_turn = False
            if not where.queue or not where.has_room:
                continue
            job = where.queue.popleft()
            if job.state is not State.WAITING:
                self._turn(where)
                continue
            job.state = State.SENT
            job.tries += 1
            job.serial = job.zone.plan.serial
            where.under_way += 1
            self._at(job, now + self.timing.timeout)
            found.append(job)
            self._turn(where)
        return found

    # -- what comes back, or does not

    def answered(self, job: Job) -> bool:
        """The job's message was answered, maybe late. Whether it is done: the zone may have changed meanwhile, and is told of anew then."""
        where = job.where
        if job.state is State.SENT:
            self._leave(job)
        where.resting.discard(job)
        done = job.serial == job.zone.plan.serial
        if done:
            self.end(job)
        elif job.state is not State.WAITING:
            job.tries = 0
            self._ready(job)
        self.heard(where)
        return done

    def heard(self, where: Destination) -> None:
        """A destination lives: whatever rests for its sake is tried again."""
        where.unanswered = 0
        for job in list(where.resting):
            job.tries = 0
            self._rouse(job)
        self._turn(where)

    def heard_from(self, address: str) -> None:
        """The same, of a host whose port is not known."""
        for where in [each for each in self.places.values() if each.place[0] == address and each.resting]:
            self.heard(where)

    def due(self, now: float) -> list[Job]:
        """Let pass what time has come for: unanswered jobs rest or go again. Those that are given up are told."""
        given_up: list[Job] = []
        while self._timers and self._timers[0][0] <= now:
            when, _, job = heappop(self._timers)
            if job.due != when:
                continue
            if job.state is State.RETRYING:
                self._rouse(job)
            elif job.state is State.SENT:
                self._leave(job)
                job.where.unanswered += 1
                if not self._again(job, now):
                    given_up.append(job)
                self._turn(job.where)
        return given_up

    def _again(self, job: Job, now: float) -> bool:
        """Whether there is another try."""
        if job.tries >= self.timing.tries:
            job.state = State.SILENT
            self._quieter(job.zone)
            job.where.resting.add(job)
            return False
        if job.tries == 1:
            self._ready(job)
        else:
            job.state = State.RETRYING
            job.where.resting.add(job)
            self._at(job, now + self.timing.interval * (1 << (job.tries - 2)))
        return True

    @property
    def next_due(self) -> float | None:
        """When due() should be asked; None = not before something is sent."""
        while self._timers and self._timers[0][2].due != self._timers[0][0]:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    @property
    def can_send(self) -> bool:
        """Whether take() may give something."""
        return bool(self._turns)

    def unfinished(self) -> Iterable[CommitNumber]:
        """Of the zones that are not told to everybody: the first commits of which that is so."""
        return self._untold.keys()

    def end(self, job: Job) -> None:
        """Nothing more is to be told of it."""
        where = job.where
        if job.state is State.SENT:
            where.under_way -= 1
            self._turn(where)
        where.resting.discard(job)
        if job.state not in (State.SILENT, State.ENDED):
            self._quieter(job.zone)
        job.state = State.ENDED
        job.due = 0.0
        if job in job.zone.jobs:
            job.zone.jobs.remove(job)
            self.jobs -= 1
        if not job.zone.jobs:
            self.zones.pop(job.zone.plan.apex, None)
        if not where.queue and not where.resting and not where.under_way:
            self.places.pop(where.place, None)

    # -- moving a job

    def _ready(self, job: Job) -> None:
        if job.state is State.SILENT:
            self._louder(job.zone)
        job.state = State.WAITING
        job.due = 0.0
        job.where.queue.append(job)
        self._turn(job.where)

    def _louder(self, zone: Zone) -> None:
        if not zone.loud:
            self._untold[zone.number] = self._untold.get(zone.number, 0) + 1
        zone.loud += 1

    def _quieter(self, zone: Zone) -> None:
        zone.loud -= 1
        if not zone.loud:
            left = self._untold[zone.number] - 1
            if left:
                self._untold[zone.number] = left
            else:
                del self._untold[zone.number]

    def _rouse(self, job: Job) -> None:
        job.where.resting.discard(job)
        self._ready(job)

    def _leave(self, job: Job) -> None:
        """It is no longer under way; the caller says what becomes of it."""
        job.where.under_way -= 1
        job.state = State.RETRYING
        job.due = 0.0

    def _turn(self, where: Destination) -> None:
        if not where.in_turn and where.queue and where.has_room:
            where.in_turn = True
            self._turns.append(where)

    def _at(self, job: Job, when: float) -> None:
        job.due = when
        self._count += 1
        heappush(self._timers, (when, self._count, job))
