"""nsblast zone import | export | list | show | delete | history | revert | access | check | master | notify | secondaries |
status | transfer: whole zones.

Owns: the arguments of these commands. Reading zone files and handing them over is zone_import.py's, reports on them are
zone_check.py's, how answers look is present.py's. Each command asks through nsblast.backend, server running or not.
"""

import contextlib
import fnmatch
import itertools
from collections.abc import Iterator
from pathlib import Path

import click

from nsblast._core.name import fold, labels
from nsblast._core.rrset import unpack_entry
from nsblast.backend import Backend, Zone
from nsblast.backend.remote import whoami
from nsblast.cli import present
from nsblast.cli.speak import json_option, say, say_json, say_json_list, settings_of
from nsblast.cli.target import anywhere_options, client_anywhere, local_tenant, opened, place_options
from nsblast.cli.zone_check import check_files
from nsblast.cli.zone_export import export_zone
from nsblast.cli.zone_import import import_files
from nsblast.cli.zone_master import master, transfer
from nsblast.cli.zone_transfer import notify, secondaries, status
from nsblast.errors import InputError, NotFound
from nsblast.records import name_from_text, name_to_text
from nsblast.transfer.rules import Act, checked
from nsblast.types import Wire
from nsblast.zones.model import ChangeSet, DeleteZone, RevertZone

_FILES = click.Path(path_type=Path, readable=False)

dry_run_option = click.option("--dry-run", is_flag=True, help="Check and show the difference, change nothing.")


@click.group()
def zone() -> None:
    """Import, export, list, show, check and delete zones."""


@zone.command("import")
@click.argument("paths", nargs=-1, required=True, type=_FILES, metavar="FILE|DIR...")
@click.option(
    "--origin", metavar="NAME", help="Apex of the zone, and the file's first $ORIGIN. [default: the SOA's owner]"
)
@dry_run_option
@place_options
def import_(
    paths: tuple[Path, ...],
    origin: str | None,
    dry_run: bool,
    db_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Read master files and make each zone exactly what its file says.

    Of a folder all zone files are read: *.zone, *.db, and other files with a SOA record in them. A zone that exists is
    replaced in one step, and only the difference is journalled. Each file succeeds or fails by itself. New zones belong to
    --tenant (id or name), or to the first tenant.
    """
    settings = settings_of(db_path, config)
    code = import_files(settings, paths, _name(origin), tenant=local_tenant(), dry_run=dry_run, as_json=as_json)
    raise click.exceptions.Exit(code)


@zone.command()
@click.argument("name")
@click.option("-o", "--output", type=_FILES, metavar="FILE", help="Write to FILE, which is replaced at the end only.")
@place_options
def export(name: str, output: Path | None, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Write a zone as a master file, in canonical order, all names absolute."""
    with _opened("zone export", db_path, config) as backend:
        export_zone(backend, _apex(name), output, as_json=as_json)


@zone.command("list")
@click.option("--below", metavar="NAME", help="Only zones at or below NAME.")
@click.option("--match", metavar="PATTERN", help="Only zones whose name fits a pattern like '*.example.com.'.")
@click.option("--kind", type=click.Choice(["primary", "secondary"]), help="Only zones of this kind.")
@click.option("--after", metavar="NAME", help="Start behind this zone.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N zones.")
@place_options
def list_(
    below: str | None,
    match: str | None,
    kind: str | None,
    after: str | None,
    limit: int | None,
    db_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """List zones in canonical order, one a line (with --json: all that is known of each)."""
    pattern = match.lower() if match else None
    with _opened("zone list", db_path, config) as backend:
        every = backend.zones(_name(after), below=_name(below))
        members = (present.zone_members(each) for each in every if kind in (None, each.record.kind.name.lower()))
        found = (each for each in members if pattern is None or fnmatch.fnmatchcase(each["zone"], pattern))
        shown = itertools.islice(found, limit)
        if as_json:
            say_json_list("zones", shown)
        else:
            for each in shown:
                say(each["zone"])


@zone.command()
@click.argument("name")
@place_options
def show(name: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Show what is known of a zone, and the records at its apex."""
    with _opened("zone show", db_path, config) as backend:
        found = _zone(backend, _apex(name))
        entry = backend.entry(found.apex, labels(found.apex))
    rrsets = unpack_entry(entry.blob).rrsets if entry else []
    if as_json:
        say_json({**present.zone_members(found), "apex": present.rrset_members(rrsets)})
        return
    for line in present.zone_lines(found):
        say(line)
    for record in present.rrs_of(found.apex, rrsets):
        say(present.rr_line(record))


@zone.command()
@click.argument("name")
@dry_run_option
@place_options
def delete(name: str, dry_run: bool, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Delete a zone: all its names, its settings and its journal."""
    with _opened("zone delete", db_path, config) as backend:
        change = ChangeSet(_apex(name), (DeleteZone(),), actor=whoami(), dry_run=dry_run)
        result = backend.apply(change)
    if as_json:
        say_json(present.result_members(result, dry_run))
    else:
        for line in present.result_lines(result, dry_run):
            say(line)


@zone.command()
@click.argument("name")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N change-sets.")
@click.option("--records", is_flag=True, help="Show the records too (always there with --json).")
@place_options
def history(
    name: str, limit: int | None, records: bool, db_path: Path | None, config: Path | None, as_json: bool
) -> None:
    """Show the change-sets the journal still has of a zone, the newest first."""
    with _opened("zone history", db_path, config) as backend:
        changes = backend.history(_zone(backend, _apex(name)).apex, limit=limit)
        if as_json:
            say_json_list("changes", map(present.history_members, changes))
            return
        for change in changes:
            for line in present.history_lines(change, records):
                say(line)


@zone.command()
@click.argument("name")
@click.argument("serial", type=click.IntRange(0, 0xFFFFFFFF))
@dry_run_option
@place_options
def revert(name: str, serial: int, dry_run: bool, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Bring the contents back that the zone had at SERIAL, in one step. The serial goes on; zone settings stay."""
    with _opened("zone revert", db_path, config) as backend:
        change = ChangeSet(_apex(name), (RevertZone(serial),), actor=whoami(), dry_run=dry_run)
        result = backend.apply(change)
    if as_json:
        say_json(present.result_members(result, dry_run))
    else:
        for line in present.result_lines(result, dry_run):
            say(line)


@zone.command()
@click.argument("files", nargs=-1, required=True, type=_FILES, metavar="FILE...")
@click.option(
    "--origin", metavar="NAME", help="Apex of the zone, and the file's first $ORIGIN. [default: the SOA's owner]"
)
@json_option
def check(files: tuple[Path, ...], origin: str | None, as_json: bool) -> None:
    """Report everything wrong with master files. Exit code 1 when there are errors; warnings alone are no failure."""
    raise click.exceptions.Exit(check_files(files, _name(origin), as_json=as_json))


@zone.command()
@click.argument("name")
@click.option("--query", metavar="LIST", help="Who may ask about it: addresses, networks, key:NAME, any or none.")
@click.option("--transfer", metavar="LIST", help="Who may transfer it, likewise.")
@click.option("--notify", metavar="LIST", help="Who may notify of changes, likewise.")
@click.option("--update", metavar="LIST", help="Who may send dynamic updates, likewise.")
@click.option("--default", "defaults", is_flag=True, help="Leave what is not given to the server's settings.")
@dry_run_option
@anywhere_options
def access(
    name: str,
    query: str | None,
    transfer: str | None,
    notify: str | None,
    update: str | None,
    defaults: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show or set who may do what to a zone over DNS. LIST is separated by commas and replaces the rule that was."""
    given = {Act.QUERY: query, Act.TRANSFER: transfer, Act.NOTIFY: notify, Act.UPDATE: update}
    new = {act.value: checked(text.split(","), f"--{act.value}") for act, text in given.items() if text is not None}
    shown = name_to_text(_apex(name))
    with client_anywhere() as client:
        rules = {**({} if defaults and new else client.access(shown)), **new}
        if new:
            client.set_access(shown, rules, dry_run=dry_run)
        elif defaults:
            rules = {}
            client.delete_access(shown, dry_run=dry_run)
    if as_json:
        say_json({"zone": shown, "access": rules, "dry_run": dry_run})
        return
    for act in Act:
        say(f"{act.value}: {', '.join(rules[act.value]) or 'none' if act.value in rules else 'as in the settings'}")


for _each in (master, notify, secondaries, status, transfer):
    zone.add_command(_each)


@contextlib.contextmanager
def _opened(who: str, db_path: Path | None, config: Path | None) -> Iterator[Backend]:
    """The database of a command, closed at the end."""
    backend = opened(settings_of(db_path, config), f"nsblast {who}")
    try:
        yield backend
    finally:
        backend.close()


def _zone(backend: Backend, apex: Wire) -> Zone:
    record = backend.zone(apex)
    if record is None:
        raise NotFound(f"there is no zone {name_to_text(apex)}", zone=name_to_text(apex))
    return Zone(apex, record)


def _name(text: str | None) -> Wire | None:
    return None if text is None else _apex(text)


def _apex(text: str) -> Wire:
    """The name of a zone in lower case; the empty one is not the root."""
    if not text:
        raise InputError("'' is no domain name; the root zone is '.'")
    return fold(name_from_text(text))
