"""transfer/notify_queue.py with a clock of its own: coalescing, back-off, room by destination, giving up and coming back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast.transfer import notify_queue
from nsblast.transfer.notify_queue import PROBES, ROOM, SILENT_AFTER, Job, Queue, State, Timing
from nsblast.transfer.notify_targets import Plan, Target

TIMING = Timing(timeout=3.0, interval=60.0, tries=5)
LIVE = Target("192.0.2.1", 53)
DEAD = Target("192.0.2.2", 53)


def plan(zone: str = "a", serial: int = 1) -> Plan:
    apex = bytes((len(zone),)) + zone.encode() + b"\0"
    return Plan(apex, serial, apex, 60, b"\0\0" + serial.to_bytes(4, "big") + bytes(16), (), ())


def one(queue: Queue, now: float) -> Job:
    (job,) = queue.take(10, now)
    return job


def test_one_job_however_often_a_zone_changes() -> None:
    queue = Queue(TIMING)
    for serial in range(1, 100):
        queue.want(plan(serial=serial), LIVE, serial)
    job = one(queue, 0.0)
    assert (job.serial, job.tries, queue.jobs) == (99, 1, 1)
    assert queue.take(10, 0.0) == []


def test_a_change_while_a_message_is_under_way_is_told_after_its_answer() -> None:
    queue = Queue(TIMING)
    queue.want(plan(serial=1), LIVE, 1)
    job = one(queue, 0.0)
    for serial in (2, 3):
        queue.want(plan(serial=serial), LIVE, serial)
    assert queue.take(10, 0.1) == []
    assert not queue.answered(job)
    assert one(queue, 0.2).serial == 3
    assert queue.answered(job)
    assert (queue.jobs, queue.zones, queue.places) == (0, {}, {})


def test_back_off() -> None:
    """Once more soon, then after 60, 120, 240 seconds (RFC 1996 3.6), then no more."""
    queue = Queue(TIMING)
    queue.want(plan(), LIVE, 1)
    times = []
    now = 0.0
    given_up: list[Job] = []
    while not given_up:
        for job in queue.take(10, now):
            times.append(now)
            assert job.tries == len(times)
        due = queue.next_due
        assert due is not None
        now = due
        given_up = queue.due(now)
    assert times == [0.0, 3.0, 66.0, 189.0, 432.0]
    assert now == 435.0
    assert given_up[0].state is State.SILENT
    assert queue.next_due is None
    assert list(queue.unfinished()) == []


def test_a_change_takes_up_what_was_given_up() -> None:
    queue = Queue(Timing(1.0, 1.0, 1))
    queue.want(plan(), LIVE, 4)
    one(queue, 0.0)
    assert len(queue.due(1.0)) == 1
    queue.want(plan(serial=2), LIVE, 9)
    assert list(queue.unfinished()) == [9]
    assert (one(queue, 2.0).serial, queue.jobs) == (2, 1)


def test_a_late_answer_counts() -> None:
    queue = Queue(TIMING)
    queue.want(plan(), LIVE, 1)
    job = one(queue, 0.0)
    queue.due(3.0)
    again = one(queue, 3.0)
    assert again is job
    queue.due(6.0)
    assert job.state is State.RETRYING
    assert queue.answered(job)
    assert queue.jobs == 0
    assert queue.due(100.0) == []
    assert queue.take(10, 100.0) == []


def test_a_dead_destination_takes_no_room_of_another() -> None:
    queue = Queue(TIMING)
    for number in range(1000):
        queue.want(plan(f"z{number}"), DEAD, number)
        queue.want(plan(f"z{number}"), LIVE, number)
    done = 0
    while done < 1000:
        jobs = queue.take(64, 0.0)
        assert jobs
        for job in jobs:
            if job.target == LIVE:
                assert queue.answered(job)
                done += 1
    assert queue.places[DEAD.address, DEAD.port].under_way == ROOM


def test_turns_are_fair() -> None:
    queue = Queue(TIMING)
    for number in range(100):
        queue.want(plan(f"z{number}"), DEAD, number)
    queue.want(plan("last"), LIVE, 1)
    assert LIVE in [job.target for job in queue.take(2, 0.0)]


def test_a_silent_destination_is_probed_and_all_is_told_when_it_is_back() -> None:
    queue = Queue(TIMING)
    for number in range(300):
        queue.want(plan(f"z{number}"), DEAD, number)
    queue.take(1000, 0.0)
    queue.due(3.0)
    where = queue.places[DEAD.address, DEAD.port]
    assert where.silent
    assert where.unanswered == ROOM >= SILENT_AFTER
    jobs = queue.take(1000, 3.0)
    assert len(jobs) == PROBES
    now = 3.0
    while where.resting != set() or where.queue:  # until all rest
        now = max(now, queue.next_due or now)
        queue.due(now)
        queue.take(1000, now)
        if len(where.resting) == 300:
            break
    first = next(iter(where.resting))
    queue.answered(first)
    assert not where.silent
    assert len(queue.take(1000, now)) == ROOM


def test_a_transfer_tells_that_a_host_lives() -> None:
    queue = Queue(Timing(1.0, 1.0, 1))
    queue.want(plan(), DEAD, 1)
    one(queue, 0.0)
    queue.due(1.0)
    queue.heard_from("192.0.2.9")
    assert queue.take(10, 1.0) == []
    queue.heard_from(DEAD.address)
    assert one(queue, 1.0).target == DEAD


def test_what_is_no_longer_wanted_ends() -> None:
    queue = Queue(TIMING)
    for target in (LIVE, DEAD):
        queue.want(plan(), target, 1)
    one_under_way = queue.take(1, 0.0)[0]
    queue.keep(plan().apex, lambda each: each == LIVE)
    assert queue.jobs == 1
    queue.forget(plan().apex)
    assert (queue.jobs, queue.zones) == (0, {})
    assert queue.take(10, 0.0) == []
    assert one_under_way.where.under_way == 0


def test_a_configured_secondary_keeps_its_key() -> None:
    queue = Queue(TIMING)
    queue.want(plan(), Target("192.0.2.1", 53, "key."), 1)
    queue.want(plan(serial=2), Target("192.0.2.1", 53, "", "ns1.example."), 2)
    assert one(queue, 0.0).target.tsig == "key."


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify_queue, "MOST", 100)
    queue = Queue(Timing(1.0, 1.0, 1))
    for number in range(300):
        queue.want(plan(f"z{number}"), DEAD, number)
    assert queue.jobs == 300  # it may be alive
    queue.take(300, 0.0)
    queue.due(1.0)
    for number in range(300, 600):
        queue.want(plan(f"z{number}"), DEAD, number)
    assert (queue.jobs, queue.dropped) == (300, 300)
    queue.want(plan("live"), LIVE, 1)
    assert queue.jobs == 301


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(("want", "take", "answer", "wait", "forget", "heard")), st.integers(0, 3), st.integers(0, 2)
    ),
    max_size=120,
)


@given(_STEPS)
def test_whatever_happens_the_counts_are_right(steps: list[tuple[str, int, int]]) -> None:
    queue = Queue(Timing(1.0, 2.0, 3))
    sent: list[Job] = []
    now, serial = 0.0, 0
    for what, zone, place in steps:
        now += 0.25
        match what:
            case "want":
                serial += 1
                queue.want(plan(f"z{zone}", serial), Target(f"192.0.2.{place}", 53), serial)
            case "take":
                sent += queue.take(place + 1, now)
            case "answer" if sent:
                job = sent.pop(zone % len(sent))
                if job.state is not State.ENDED:
                    queue.answered(job)
            case "wait":
                now += 1.0
                queue.due(now)
            case "forget":
                queue.forget(plan(f"z{zone}").apex)
            case "heard":
                queue.heard_from(f"192.0.2.{place}")
        jobs = [job for each in queue.zones.values() for job in each.jobs]
        assert queue.jobs == len(jobs)
        loud = [each for each in queue.zones.values() if any(job.state is not State.SILENT for job in each.jobs)]
        assert set(queue.unfinished()) == {each.number for each in loud}
        for where in queue.places.values():
            mine = [job for job in jobs if job.where is where]
            assert where.under_way == sum(job.state is State.SENT for job in mine)
            assert where.resting == {job for job in mine if job.state in (State.RETRYING, State.SILENT)}
            waiting = {job for job in mine if job.state is State.WAITING}
            assert waiting == {job for job in where.queue if job.state is State.WAITING}
            assert not waiting or where.in_turn or not where.has_room
        assert {job.where for job in jobs} <= set(queue.places.values())
