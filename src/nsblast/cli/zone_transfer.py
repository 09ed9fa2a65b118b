"""nsblast zone notify | secondaries | status: a zone and those that have it from us.

Owns: the arguments and words of these commands. Never: what is done; the running server does it, this machine's or that of --url.
"""

import contextlib
import time
from pathlib import Path
from typing import Any

import click

from nsblast._core.name import fold
from nsblast.backend.opening import connect
from nsblast.backend.remote import whoami
from nsblast.cli.speak import database_options, say, say_json, settings_of
from nsblast.cli.target import opened, place_options
from nsblast.errors import InputError, NotFound
from nsblast.records import name_from_text, name_to_text
from nsblast.settings import notify_item
from nsblast.transfer.notify_targets import MOST, SETTING, from_item
from nsblast.types import Wire
from nsblast.zones.model import ChangeSet, ConfigureZone


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
@database_options
def secondaries(
    name: str, new: str | None, default: bool, db_path: Path | None, config: Path | None, as_json: bool
) -> None:
    """Show or set whom a zone's changes are told to besides its NS set. LIST is separated by commas."""
    with contextlib.closing(connect(settings_of(db_path, config), "nsblast zone secondaries")) as backend:
        apex = _apex(name)
        record = backend.zone(apex)
        if record is None:
            raise NotFound(f"there is no zone {name_to_text(apex)}", zone=name_to_text(apex))
        found: list[dict[str, Any]] | None = record.settings.get(SETTING)
        if new is not None or default:
            found = None if new is None else _list(new)
            settings = {key: value for key, value in record.settings.items() if key != SETTING}
            if found is not None:
                settings[SETTING] = found
            backend.apply(ChangeSet(apex, (ConfigureZone(settings=settings),), actor=whoami()))
    if as_json:
        say_json({"zone": name_to_text(apex), SETTING: found})
    elif found is None:
        say("as in the settings")
    else:
        for each in found:
            say(f"{each['address']} port {each['port']}{', key ' + each['tsig'] if each['tsig'] else ''}")


def _list(text: str) -> list[dict[str, Any]]:
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for item in text.split(","):
        if not item.strip():
            continue
        try:
            target = from_item(notify_item(item))
        except ValueError as error:
            raise InputError(f"--set: {error}") from None
        found[target.address, target.port] = {"address": target.address, "port": target.port, "tsig": target.tsig}
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
