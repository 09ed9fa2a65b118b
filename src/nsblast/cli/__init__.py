"""The command `nsblast`: its groups, loaded when they are used, and how errors end a command.

Each group is one file. An error of errors.py becomes one line on standard error (an object with --json) and its exit code;
no command shows a traceback for what a user or the system did.
"""

import importlib
import os
import sys
from typing import NoReturn

import click

from nsblast.errors import NsblastError

# Name of each command or group: module and object in it. Loading only what is asked for keeps `nsblast rr get` quick.
_COMMANDS = {
    "serve": "nsblast.cli.serve:serve",
    "status": "nsblast.cli.status:status",
    "config": "nsblast.cli.config:config",
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
    try:
        code = cli.main(standalone_mode=False)
    except NsblastError as error:
        _tell(error)
        code = error.exit_code
    except click.exceptions.Exit as end:
        code = end.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = 130
    except BrokenPipeError:
        # The reader of our output (head, say) has had enough; nothing more can be written, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.exit(code if isinstance(code, int) else 0)


def _tell(error: NsblastError) -> None:
    if "--json" in sys.argv:
        import orjson

        click.echo(orjson.dumps(error.to_wire(), default=str).decode(), err=True)
    else:
        click.echo(f"nsblast: {error.message}", err=True)
