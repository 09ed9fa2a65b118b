"""Guessing passwords: it is slow, tells nothing, and keeps nobody else out."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nsblast.access.throttle import FREE
from tests.helpers.api import PASSWORD, Api, api
from tests.helpers.server import Server
from tests.security.wire import Got, Wire, basic, path

RIGHT = "right horse battery"
HOME = "127.9.0.1"
MARGIN = 0.2
"""Of the time of a refusal, by which the medians of known and unknown users may differ."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path, "--http-per-address", "0", workers=1) as running:
        yield running


class From(Wire):
    """A client at an address of its own."""

    def __init__(self, server: Server, address: str, user: str, password: str) -> None:
        super().__init__(server, basic(user, password), 60, address)


def make_user(server: Api, name: str) -> None:
    """With a password and nothing it may do."""
    with From(server, HOME, "admin", PASSWORD) as admin:
        assert admin("POST", path("user"), {"name": name, "password": RIGHT}).status == 201


def log_in(server: Api, address: str, user: str, password: str) -> tuple[Got, float]:
    """The answer, and seconds."""
    with From(server, address, user, password) as wire:
        wire("GET", "/healthz")
        asked = time.monotonic()
        return wire("GET", path("version")), time.monotonic() - asked


def test_a_burst_of_guesses_is_heard_no_more_than_a_trickle(server: Api) -> None:
    """200 connections guess at once from one address: few are hashed, the others wait or are refused; nobody else notices."""
    make_user(server, "target")
    stop = threading.Event()
    statuses: Counter[int] = Counter()
    lock = threading.Lock()

    def guess(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            user = "target" if number % 2 else f"u{number}"
            # Whoever has to wait comes again: a guesser has no patience, and what was begun goes on at the server.
            with Wire(server, basic(user, f"guess {number} {turn}"), 1, "127.9.9.9") as wire:
                try:
                    status = wire("GET", path("version")).status
                except TimeoutError:
                    status = 0
            with lock:
                statuses[status] += 1
            if status == 429:
                stop.wait(0.5)

    with ThreadPoolExecutor(200) as pool:
        began = time.monotonic()
        for number in range(200):
            pool.submit(guess, number)
        try:
            time.sleep(0.3)
            others = [
                # from where somebody was before, with the password remembered and not; from elsewhere, the user of the guesses too
                log_in(server, HOME, "admin", PASSWORD),
                log_in(server, HOME, "target", RIGHT),
                log_in(server, "127.9.0.2", "admin", PASSWORD),
                log_in(server, "127.9.0.3", "target", RIGHT),
            ]
            time.sleep(max(0.0, began + 3 - time.monotonic()))
            heard = server.events("log-in refused")
            lasted = time.monotonic() - began
        finally:
            stop.set()
    assert [got.status for got, _ in others] == [200] * 4
    # The owner of the name waits a second at most for what others did in its name; all else is hashing.
    assert all(seconds < 2.5 for _, seconds in others), others
    assert set(statuses) <= {0, 401, 429}
    assert statuses[429] > 100
    # The first few, then pauses that double: 0.1, 0.2, 0.4, …
    assert FREE <= len(heard) <= FREE + 5 + lasted, len(heard)
    assert {event["address"] for event in heard} == {"127.9.9.9"}


def test_guesses_from_many_addresses_keep_out_nobody_who_was_here(server: Api) -> None:
    """300 addresses guess at once, as often as they are let: hashes have a queue, and who is known comes first in it."""
    make_user(server, "target")
    stop = threading.Event()

    def guess(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            address = f"127.{40 + turn % 200}.{number // 200}.{number % 200 + 1}"
            with From(server, address, f"u{number}", f"guess {turn}") as wire:
                wire("GET", path("version"))

    with ThreadPoolExecutor(150) as pool:
        for number in range(150):
            pool.submit(guess, number)
        try:
            time.sleep(0.5)
            # Neither password is remembered: both are hashed.
            others = [log_in(server, HOME, "target", RIGHT)]
            with From(server, HOME, "admin", PASSWORD) as admin:
                form = {"name": "target", "password": RIGHT + " anew"}
                assert admin("PUT", path("user", "target"), form).status == 200
            others.append(log_in(server, HOME, "target", RIGHT + " anew"))
        finally:
            stop.set()
    assert [got.status for got, _ in others] == [200, 200], others
    assert all(seconds < 2.5 for _, seconds in others), others


def test_an_address_that_fails_waits_longer_and_longer(server: Api) -> None:
    seconds = []
    for number in range(FREE + 4):
        got, lasted = log_in(server, "127.9.9.9", f"u{number}", "a wrong guess")
        assert got.status == 401
        assert got.headers["www-authenticate"].startswith("Basic realm=")
        seconds.append(lasted)
    pauses = [0.0] * FREE + [0.1, 0.2, 0.4, 0.8]
    assert all(lasted >= pause for lasted, pause in zip(seconds, pauses, strict=True)), seconds


def test_a_user_is_slowed_down_wherever_guesses_come_from(server: Api) -> None:
    """Each guess from an address of its own: after three, each pauses; the user's own password ends that."""
    make_user(server, "target")
    seconds = [log_in(server, f"127.30.0.{number + 1}", "target", "a wrong guess")[1] for number in range(FREE + 4)]
    assert all(lasted >= pause for lasted, pause in zip(seconds[FREE:], [0.1, 0.2, 0.4, 0.8], strict=True)), seconds
    assert log_in(server, HOME, "target", RIGHT)[0].status == 200
    assert log_in(server, "127.30.1.1", "target", "a wrong guess")[1] < 0.8


def test_unknown_users_take_as_long_as_known_ones(server: Api) -> None:
    """The answers are the same octets but for the request's id; times are compared by medians, tried again before they are believed."""
    rounds = 25
    for number in range(rounds):
        make_user(server, f"known-{number}")
    make_user(server, "without")
    for attempt in range(4):
        times: dict[str, list[float]] = {"known": [], "unknown": []}
        answers = set()
        for number in range(rounds):
            for which in ("known", "unknown") if number % 2 else ("unknown", "known"):
                # an address each, and a user's name once an attempt: nobody is slowed down
                address = f"127.{100 + attempt}.{number + 1}.{len(which)}"
                got, seconds = log_in(server, address, f"{which}-{number}", f"a wrong guess {attempt}")
                times[which].append(seconds)
                headers = {name: value for name, value in got.headers.items() if name != "x-request-id"}
                answers.add((got.status, got.body, tuple(headers.items())))
        assert len(answers) == 1, answers
        known, unknown = statistics.median(times["known"]), statistics.median(times["unknown"])
        if abs(known - unknown) < MARGIN * max(known, unknown):
            break
        if attempt == 1:
            rounds = 20
    else:
        raise AssertionError(f"known {known:.4f} s, unknown {unknown:.4f} s")
    # Both are of the size of a hash, not of a look-up.
    assert min(known, unknown) > 0.004
