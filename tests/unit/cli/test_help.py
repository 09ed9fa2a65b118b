"""nsblast --help: says what the commands say of themselves, and loads none of them."""

import subprocess
import sys

import click
import pytest

from nsblast.cli import _COMMANDS, cli


@pytest.mark.parametrize("name", _COMMANDS)
def test_its_words_are_the_commands(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert _COMMANDS[name][1] == command.get_short_help_str(limit=200)


def test_it_loads_no_command() -> None:
    code = "import sys; from nsblast.cli import cli; cli(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "apikey" in done.stdout
    assert not {"httpx", "rocksdict", "nsblast.cli.zone", "nsblast.client"} & set(done.stdout.split())


def test_a_command_on_this_machine_loads_no_http() -> None:
    code = "import sys; import nsblast.cli.zone, nsblast.cli.rr; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"httpx", "nsblast.client"} & set(done.stdout.split())
