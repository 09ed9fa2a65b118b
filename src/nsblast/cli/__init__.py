"""The command `nsblast`: its groups, each in a file of its own, loaded when it is used. How they speak: speak.py."""

import importlib
import sys
from typing import NoReturn

import click

from nsblast.cli.speak import run

# Name of each command or group: module and object in it, and what --help says. Loading only what is asked for keeps `nsblast rr get` and
# `nsblast --help` quick.
_COMMANDS = {
    "serve": ("nsblast.cli.serve:serve", "Serve DNS until told to stop (SIGTERM, Ctrl-C)."),
    "zone": ("nsblast.cli.zone:zone", "Import, export, list, show, check and delete zones."),
    "rr": ("nsblast.cli.rr:rr", "Show and change records."),
    "catalog": (
        "nsblast.cli.catalog:catalog",
        "Make and follow catalog zones (RFC 9432): lists of zones that other servers take up by themselves.",
    ),
    "backup": (
        "nsblast.cli.backup:backup",
        "Back up the whole database, while the server runs; verify and restore it.",
    ),
    "user": ("nsblast.cli.accounts:user", "Make, change, list and delete users."),
    "role": ("nsblast.cli.accounts:role", "Make, change, list and delete roles."),
    "tenant": ("nsblast.cli.accounts:tenant", "Make, change, list and delete tenants."),
    "vzone": ("nsblast.cli.vzone:vzone", "Give subtrees of zones to other tenants, list them and take them back."),
    "apikey": ("nsblast.cli.keys:apikey", "Make, list and delete API keys."),
    "key": ("nsblast.cli.key:key", "Make, list, show and remove TSIG keys; read and write BIND's key files."),
    "status": ("nsblast.cli.status:status", "Tell the state of the running server."),
    "config": ("nsblast.cli.config:config", "Show and check settings."),
    "reset-auth": (
        "nsblast.cli.reset_auth:reset_auth",
        "Give user admin of tenant nsblast every permission and a new password again.",
    ),
    "version": ("nsblast.cli.version:version", "Print the versions of nsblast and of what it rests on."),
}


class Commands(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def cli() -> None:
    """An authoritative DNS server: zones in RocksDB, answers from shared memory."""


def main() -> NoReturn:
    """The console script."""
    sys.exit(run(cli, sys.argv[1:]))
