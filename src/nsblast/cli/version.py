"""nsblast version"""

import platform
from importlib.metadata import version as version_of

import click

from nsblast import __version__
from nsblast.cli.speak import json_option, say, say_json

_PARTS = ("rocksdict", "uvloop", "dnspython", "pydantic")


@click.command()
@json_option
def version(as_json: bool) -> None:
    """Print the versions of nsblast and of what it rests on."""
    versions = {"nsblast": __version__, "python": platform.python_version()}
    versions.update({part: version_of(part) for part in _PARTS})
    if as_json:
        say_json(versions)
    else:
        say(f"nsblast {__version__}")
        say(", ".join(f"{part} {number}" for part, number in versions.items() if part != "nsblast"))
