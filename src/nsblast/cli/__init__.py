"""The command `nsblast`: its groups, each in a file of its own, loaded when it is used. How they speak: speak.py."""

import importlib
import sys
from typing import NoReturn

import click

from nsblast.cli.speak import run

# Name of each command or group: module and object in it. Loading only what is asked for keeps `nsblast rr get` quick.
_COMMANDS = {
    "serve": "nsblast.cli.serve:serve",
    "zone": "nsblast.cli.zone:zone",
    "rr": "nsblast.cli.rr:rr",
    "backup": "nsblast.cli.backup:backup",
    "status": "nsblast.cli.status:status",
    "config": "nsblast.cli.config:config",
    "reset-auth": "nsblast.cli.reset_auth:reset_auth",
    "version": "nsblast.cli.version:version",
}


class Commands(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def cli() -> None:
    """An authoritative DNS server: zones in RocksDB, answers from shared memory."""


def main() -> NoReturn:
    """The console script."""
    sys.exit(run(cli, sys.argv[1:]))
