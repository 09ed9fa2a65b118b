"""nsblast backup create | list | verify | delete | keep | restore | export | import: copies of the whole database.

Owns: the arguments and words of these commands, and who does the work: the running server, or this process on the
folder of a stopped one, or a server elsewhere (--url). Restoring is always done here, with the server stopped.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins

from nsblast.admin.backups import folder_of, members
from nsblast.claim import Claim
from nsblast.cli import portable
from nsblast.cli.speak import database_options, say, say_json, settings_of
from nsblast.cli.target import client_if_url, place_options
from nsblast.control import Client
from nsblast.errors import NotRunning, StoreLocked, from_os
from nsblast.quantities import format_size
from nsblast.settings import Settings
from nsblast.store.backup import Backups
from nsblast.store.engine import Database
from nsblast.store.restore import restore as put_back

_FOLDER = click.Path(path_type=Path, file_okay=False)
path_option = click.option(
    "--backup-path", type=_FOLDER, metavar="DIR", help="Folder of backups; else as in the settings."
)


@click.group()
def backup() -> None:
    """Back up the whole database, while the server runs; verify and restore it."""


@backup.command()
@click.option("--comment", default="", metavar="TEXT", help="Kept with the backup.")
@path_option
@place_options
def create(comment: str, backup_path: Path | None, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Make a backup of the last commit. What did not change since the one before takes no room again."""
    settings = _settings(db_path, config, backup_path)

    def here(own: Backups) -> dict[str, Any]:
        claim = Claim(settings.db_path, "nsblast backup create")
        try:
            database = Database.primary(settings.db_path, block_cache=settings.block_cache, create=False)
            try:
                return members(own.create(database, comment))
            finally:
                database.close()
        finally:
            claim.release()

    made = _ask(settings, backup_path, "backup_create", here, comment=comment)
    if as_json:
        say_json(made)
    else:
        say(f"backup {made['id']} made: commit {made['position']}, {made['number_files']} files, {_size(made)}")


@backup.command("list")
@path_option
@place_options
def list_(backup_path: Path | None, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """List backups, the oldest first."""
    settings = _settings(db_path, config, backup_path)
    found = _ask(settings, backup_path, "backup_list", lambda own: [members(each) for each in own.all()])
    if as_json:
        say_json({"backups": found})
        return
    for each in found:
        say(f"{each['id']:>5}  {each['date']}  {_size(each):>10}  {each['number_files']:>5} files  {each['uuid']}")


@backup.command()
@click.argument("which", metavar="ID|UUID|latest")
@path_option
@place_options
def verify(which: str, backup_path: Path | None, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Check every file's checksum, then open the backup and read all of it."""
    settings = _settings(db_path, config, backup_path)

    def here(own: Backups) -> dict[str, Any]:
        told = own.verify(which)
        return {name: getattr(told, name) for name in told.__struct_fields__}

    found = _ask(settings, backup_path, "backup_verify", here, which=which)
    if as_json:
        say_json(found)
    else:
        say(f"backup {found['id']} is whole: {found['zones']} zones, {found['names']} names, {found['files']} files")


@backup.command()
@click.argument("which", metavar="ID|UUID")
@path_option
@place_options
def delete(which: str, backup_path: Path | None, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Delete one backup; others keep what they share with it."""
    settings = _settings(db_path, config, backup_path)
    gone = _ask(settings, backup_path, "backup_delete", lambda own: own.delete(which), which=which)
    _told_gone([gone], as_json)


@backup.command()
@click.argument("number", type=click.IntRange(min=1), metavar="N")
@path_option
@place_options
def keep(number: int, backup_path: Path | None, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Delete all but the newest N backups, at least one."""
    settings = _settings(db_path, config, backup_path)
    _told_gone(_ask(settings, backup_path, "backup_keep", lambda own: own.keep(number), number=number), as_json)


@backup.command()
@click.argument("which", metavar="ID|UUID|latest")
@path_option
@database_options
def restore(which: str, backup_path: Path | None, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Put a backup in the place of the database of a stopped server.

    It is copied, checked and opened for trial first; then both change places in one step. The old database is kept in a folder
    beside, which is a database itself: remove it when it is no longer wanted.
    """
    settings = _settings(db_path, config, backup_path)
    folder = settings.db_path
    own = _backups(settings)
    own.get(which)
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise from_os(error, f"make database folder {folder}") from None
    try:
        claim = Claim(folder, "nsblast backup restore")
    except StoreLocked as error:
        raise StoreLocked(f"{error.message}: stop it before a backup is restored") from None
    try:
        manifest, aside = put_back(own, which, folder)
    finally:
        claim.release()
    if as_json:
        say_json({**members(manifest), "db_path": str(folder), "kept": str(aside) if aside else None})
        return
    say(f"backup {manifest.id} of {members(manifest)['date']} is in {folder}, commit {manifest.position}")
    if aside is not None:
        say(f"the database that was there is kept in {aside}")


@backup.command()
@click.argument("folder", type=_FOLDER, metavar="DIR")
@database_options
def export(folder: Path, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Write everything as text to the new folder DIR: zones as master files, accounts and zone settings as JSON lines.

    The state of one commit, whether a server runs or not. It holds what secrets the database holds: keep it safe.
    """
    told = portable.export(settings_of(db_path, config), folder)
    if as_json:
        say_json(told)
    else:
        say(f"{told['zones']} zones and {told['accounts']} account records written to {folder}")


@backup.command("import")
@click.argument("folder", type=_FOLDER, metavar="DIR")
@database_options
def import_(folder: Path, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Make a new database of what `backup export` wrote. Serials are kept; histories are not in it."""
    told = portable.import_all(settings_of(db_path, config), folder)
    if as_json:
        say_json(told)
    else:
        say(f"{told['zones']} zones and {told['accounts']} account records imported")


def _settings(db_path: Path | None, config: Path | None, backup_path: Path | None) -> Settings:
    settings = settings_of(db_path, config)
    return settings if backup_path is None else settings.model_copy(update={"backup_path": backup_path})


def _backups(settings: Settings) -> Backups:
    return Backups(settings.db_path, folder_of(settings))


@contextlib.contextmanager
def _stopped_or(settings: Settings, backup_path: Path | None) -> Iterator[Client | None]:
    """The server, or None when none runs. A folder given by flag is another one than the server's own."""
    try:
        client = Client(settings.db_path)
    except NotRunning:
        yield None
        return
    with client:
        if backup_path is not None:
            theirs = client.call("backup_folder")
            if Path(theirs).resolve() != backup_path.resolve():
                raise StoreLocked(
                    f"the running server keeps its backups in {theirs}; --backup-path names another folder"
                )
        yield client


def _ask(settings: Settings, backup_path: Path | None, op: str, here: Callable[[Backups], Any], **args: Any) -> Any:
    remote = client_if_url()
    if remote is not None:
        with remote:
            return _OVER_HTTP[op](remote, **args)
    with _stopped_or(settings, backup_path) as client:
        return client.call(op, **args) if client is not None else here(_backups(settings))


_OVER_HTTP: dict[str, Callable[..., Any]] = {
    "backup_create": lambda remote, comment: to_builtins(remote.create_backup(comment)),
    "backup_list": lambda remote: to_builtins(remote.backups()),
    "backup_verify": lambda remote, which: to_builtins(remote.verify_backup(which)),
    "backup_delete": lambda remote, which: remote.delete_backup(which)[0],
    "backup_keep": lambda remote, number: remote.keep_backups(number),
}


def _told_gone(gone: list[int], as_json: bool) -> None:
    if as_json:
        say_json({"deleted": gone})
    else:
        for number in gone:
            say(f"backup {number} deleted")


def _size(shown: dict[str, Any]) -> str:
    size: int = shown["size"]
    return format_size(size) if size < 1024 else f"{size / (1 << 20):.1f} MiB"
