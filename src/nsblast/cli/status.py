"""nsblast status: is the server there, is it ready, how does it fare."""

import time
from pathlib import Path
from typing import Any

import click

from nsblast.cli.speak import database_options, say, say_json, settings_of
from nsblast.control import Client
from nsblast.errors import NotRunning, TimedOut
from nsblast.quantities import format_size

_BETWEEN = 0.02  # seconds between two looks while waiting
_ANSWER_WITHIN = 10.0


@click.command()
@click.option("--wait-ready", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait until all workers answer.")
@database_options
def status(wait_ready: float | None, config: Path | None, db_path: Path | None, as_json: bool) -> None:
    """Tell the state of the running server. Exit code 0: it answers queries."""
    folder = settings_of(db_path, config).db_path
    state = wait(folder, wait_ready) if wait_ready is not None else ask(folder)
    if as_json:
        say_json(state)
    else:
        _print(state)
    if not state["ready"]:
        raise click.exceptions.Exit(1)


def ask(folder: Path) -> dict[str, Any]:
    """The server's state; NotRunning when there is none."""
    with Client(folder, _ANSWER_WITHIN) as client:
        state: dict[str, Any] = client.call("status")
        return state


def wait(folder: Path, seconds: float) -> dict[str, Any]:
    """The state once it is ready; TimedOut says what was missing."""
    deadline = time.monotonic() + seconds
    missing = f"no server runs on {folder}"
    while True:
        try:
            state = ask(folder)
            if state["ready"]:
                return state
            waiting = [child["name"] for child in state["processes"] if child["state"] != "ready"]
            missing = f"not ready: {', '.join(waiting) or state['phase']}"
        except NotRunning as error:
            missing = error.message
        if time.monotonic() >= deadline:
            raise TimedOut(f"the server was not ready within {seconds:g} s: {missing}")
        time.sleep(_BETWEEN)


def _print(state: dict[str, Any]) -> None:
    say(
        f"nsblast {state['version']}, process {state['pid']}, {state['phase']}, up {state['uptime']:.0f} s, {state['role']}"
    )
    for place in state["listening"]:
        say(f"  serves    {place}")
    store, cache = state["store"], state["cache"]
    say(f"  store     {state['db_path']}, commit {store['position']}, visible {cache['done']}")
    if store["warming_failed"]:
        say(f"            the cache is not filled: {store['warming_failed']}")
    used, room = format_size(cache["arena_used"]), format_size(cache["arena_size"])
    whole = ", all there are" if cache["complete"] else ""
    say(f"  cache     {cache['entries']} entries{whole}, {used} of {room}, {cache['evictions']} given up")
    for child in state["processes"]:
        answers = f", {child['answers']} answers" if "answers" in child else ""
        say(f"  {child['name']:<9} process {child['pid']}, {child['state']}, restarts {child['restarts']}{answers}")
