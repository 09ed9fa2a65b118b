"""nsblast zone transfer: fetch a zone from its masters, or from one that is named, now.

Owns: the arguments and words of the command. Never: how it is fetched: the running server does it, or, without one, this process.
"""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import click

from nsblast._core.name import fold
from nsblast.backend.local import LocalBackend
from nsblast.backend.remote import whoami
from nsblast.cli.speak import say, say_json, settings_of
from nsblast.cli.target import opened, place_options
from nsblast.errors import InputError, UsageError
from nsblast.logs import setup
from nsblast.records import name_from_text
from nsblast.settings import Settings
from nsblast.transfer.hosts import Hosts
from nsblast.transfer.masters import Master, parse
from nsblast.transfer.secondary import Secondaries
from nsblast.transfer.secondary_once import fetch_now
from nsblast.types import Wire


@click.command()
@click.argument("name")
@click.option(
    "--from",
    "masters",
    multiple=True,
    metavar="ADDRESS[:PORT]",
    help="Ask this server, an address or a name; given more than once, those after it when it has nothing. "
    "[default: the zone's masters]",
)
@click.option("--key", default="", metavar="NAME", help="Sign with this TSIG key.")
@click.option("--force", is_flag=True, help="Take the whole zone, whatever its serial.")
@place_options
def transfer(
    name: str,
    masters: tuple[str, ...],
    key: str,
    force: bool,
    db_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Transfer a zone from another server now (AXFR or IXFR).

    A secondary zone is brought up to its masters, or once to those of --from. A zone that is not there is made, a secondary of
    those of --from, unless none of them has it. A primary zone is left alone.
    """
    if not name:
        raise InputError("'' is no domain name; the root zone is '.'")
    if key and not masters:
        raise UsageError("--key is for --from: a zone's masters have keys of their own")
    apex = fold(name_from_text(name))
    wanted = [parse(one, key) for one in masters]
    settings = settings_of(db_path, config)
    with contextlib.closing(opened(settings, "nsblast zone transfer", create=bool(masters))) as backend:
        if isinstance(backend, LocalBackend):
            told = asyncio.run(_here(backend, settings, apex, wanted, force))
        else:
            told = backend.command("zone_transfer", apex=apex, masters=[list(one) for one in wanted], force=force)
    if as_json:
        say_json(told)
    elif told["how"] == "current":
        say(f"{told['zone']} is current with {told['master']}, serial {told['serial']}")
    else:
        made = ", a new secondary" if told["made"] else ""
        say(f"{told['zone']} transferred from {told['master']} by {told['how'].upper()}, serial {told['serial']}{made}")


async def _here(
    backend: LocalBackend, settings: Settings, apex: Wire, masters: list[Master], force: bool
) -> dict[str, Any]:
    """Without a server; what it would log is what this command says."""
    setup(settings.model_copy(update={"log_level": "error", "log_file": None}), "command")
    hosts = Hosts(backend)
    secondaries = Secondaries(backend, backend.database, backend.accounts.tsig_key, hosts.resolve, settings)
    try:
        done = await fetch_now(secondaries, backend, apex, masters, actor=whoami(), force=force)
        return done.told()
    finally:
        secondaries.save()
