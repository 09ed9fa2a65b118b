"""nsblast reset-auth: the first tenant, its role and its user made what they were at first, with the server stopped."""

from pathlib import Path

import click

from nsblast.access import first
from nsblast.backend.local import LocalBackend
from nsblast.backend.opening import connect
from nsblast.cli.speak import database_options, say, say_json, settings_of
from nsblast.errors import StoreLocked


@click.command("reset-auth")
@database_options
def reset_auth(config: Path | None, db_path: Path | None, as_json: bool) -> None:
    """Give user admin of tenant nsblast every permission and a new password again. The server must be stopped.

    The password is NSBLAST_ADMIN_PASSWORD, or random, in password.txt in the database folder; an older password.txt goes. Other accounts stay.
    """
    settings = settings_of(db_path, config)
    backend = connect(settings, "reset-auth")
    try:
        if not isinstance(backend, LocalBackend):
            raise StoreLocked(f"a server runs on {settings.db_path}: stop it first")
        file = first.reset(
            backend.accounts, settings.db_path, settings.admin_password, settings.password_min, "reset-auth"
        )
    finally:
        backend.close()
    told = {"user": first.USER, "tenant": first.TENANT, "password_in": str(file) if file is not None else None}
    if as_json:
        say_json(told)
    else:
        say(f"user {first.USER} has every permission" + (f"; password in {file}" if file is not None else ""))
