"""nsblast zone notify | secondaries | status: a zone and those that have it from us.

Owns: the arguments and words of these commands. Never: what is done; the running server does it, this machine's or that of --url.
"""

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from nsblast._core.name import fold
from nsblast.cli.speak import say, say_json, settings_of
from nsblast.cli.target import anywhere_options, client_anywhere, opened, place_options
from nsblast.errors import InputError, UsageError
from nsblast.records import name_from_text, name_to_text
from nsblast.settings_values import notify_item
from nsblast.transfer.notify_targets import MOST, SETTING, from_item
from nsblast.types import Wire

if TYPE_CHECKING:
    from nsblast.client.shapes import Secondary


@click.command()
@click.argument("name")
@place_options
def notify(name: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Tell a zone's secondaries of it now (NOTIFY), whatever they know. `zone status` shows what came of it."""
    told = _command("zone notify", "zone_notify", name, db_path, config)
    if as_json:
        say_json(told)
        return
    for each in told["secondaries"]:
        say(f"{each['address']} port {each['port']}")
    if not told["secondaries"]:
        say(f"{told['zone']} has no secondaries: see `zone secondaries` and the settings notify and notify_ns")


@click.command()
@click.argument("name")
@place_options
def status(name: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Show a zone's state in the running server, and what its secondaries know and have."""
    told = _command("zone status", "zone_status", name, db_path, config)
    if as_json:
        say_json(told)
        return
    say(
        f"{told['zone']} {told['kind']}, serial {told['serial']}, {told['names']} names, changed {_ago(told['changed'])}"
    )
    if told["master"] is not None:
        say("  " + _master_line(told["master"]))
    for each in told["secondaries"]:
        say("  " + _line(each))


@click.command()
@click.argument("name")
@click.option("--set", "new", metavar="LIST", help="ADDRESS, ADDRESS@PORT, either with key:NAME behind; '' = none.")
@click.option("--default", is_flag=True, help="Leave them to the server's settings.")
@anywhere_options
def secondaries(name: str, new: str | None, default: bool, as_json: bool) -> None:
    """Show or set whom a zone's changes are told to besides its NS set. LIST is separated by commas."""
    if default and new is not None:
        raise UsageError("--set and --default exclude one another")
    shown = name_to_text(_apex(name))
    wanted = None if new is None else _list(new)
    with client_anywhere() as client:
        if wanted is not None:
            client.set_secondaries(shown, wanted)
        elif default:
            client.delete_secondaries(shown)
        found = client.secondaries(shown)
    if as_json:
        say_json({"zone": shown, SETTING: None if found is None else msgspec.to_builtins(found)})
    elif found is None:
        say("as in the settings")
    else:
        for each in found:
            say(f"{each.address} port {each.port}{', key ' + each.tsig if each.tsig else ''}")


def _list(text: str) -> "list[Secondary]":
    from nsblast.client.shapes import Secondary  # other commands of this file load no HTTP

    found: dict[tuple[str, int], Secondary] = {}
    for item in text.split(","):
        if not item.strip():
            continue
        try:
            target = from_item(notify_item(item))
        except ValueError as error:
            raise InputError(f"--set: {error}") from None
        found[target.address, target.port] = Secondary(target.address, target.port, target.tsig)
    if len(found) > MOST:
        raise InputError(f"--set: {len(found)} secondaries, at most {MOST} are taken")
    return list(found.values())


def _command(who: str, op: str, name: str, db_path: Path | None, config: Path | None) -> dict[str, Any]:
    with contextlib.closing(opened(settings_of(db_path, config), f"nsblast {who}")) as backend:
        told: dict[str, Any] = backend.command(op, apex=_apex(name))
        return told


def _apex(text: str) -> Wire:
    if not text:
        raise InputError("'' is no domain name; the root zone is '.'")
    return fold(name_from_text(text))


def _line(each: dict[str, Any]) -> str:
    where = (
        f"{each['address']} port {each['port']}" if each["port"] is not None and each["address"] else each["address"]
    )
    parts = [where or "no address", each["name"], each["state"]]
    if each["tries"]:
        parts.append(f"{each['tries']} tries")
    acked, taken = each["acknowledged"], each["transferred"]
    if acked:
        code = f" with rcode {acked['rcode']}" if acked["rcode"] else ""
        parts.append(f"answered{code} of {acked['serial']} {_ago(acked['time'])}")
    if taken:
        parts.append(f"has {taken['serial']} by {taken['kind']} {_ago(taken['time'])}")
    return ", ".join(part for part in parts if part)


def _master_line(master: dict[str, Any]) -> str:
    parts = [f"from {', '.join(master['masters'])}: {master['state']}"]
    if master["asking"]:
        parts.append("being asked now")
    if master["last_check"]:
        parts.append(f"last check {_ago(master['last_check'])}")
    if master["next_refresh"]:
        parts.append(f"next refresh {_in(master['next_refresh'])}")
    if master["expires"]:
        gone = master["expires"] <= time.time()
        parts.append(f"expired {_ago(master['expires'])}" if gone else f"expires {_in(master['expires'])}")
    if master["last_error"]:
        parts.append(f"last error: {master['last_error']}")
    return ", ".join(parts)


def _in(when: float) -> str:
    return f"in {max(0.0, when - time.time()):.0f} s"


def _ago(when: float) -> str:
    return f"{max(0.0, time.time() - when):.0f} s ago"
