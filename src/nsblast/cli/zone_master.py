"""nsblast zone master | transfer: where a zone comes from, and fetching it from there, or from a server that is named, now.

Owns: the arguments and words of these commands. Never: how it is fetched: the running server does it, or, without one, this process; what a
master may be (admin/routes_config.py).
"""

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from nsblast._core.name import fold
from nsblast.backend.local import LocalBackend
from nsblast.backend.remote import whoami
from nsblast.cli.speak import say, say_json, settings_of
from nsblast.cli.target import anywhere_options, client_anywhere, opened, place_options
from nsblast.errors import InputError, NotFound, UsageError
from nsblast.logs import setup
from nsblast.records import name_from_text
from nsblast.settings import Settings
from nsblast.transfer.hosts import Hosts
from nsblast.transfer.masters import REFRESH, Master, parse
from nsblast.transfer.secondary import Secondaries
from nsblast.transfer.secondary_once import fetch_now
from nsblast.types import Wire

if TYPE_CHECKING:
    from nsblast.client.shapes import Further
    from nsblast.client.shapes import Master as Masters

_KEY = "key:"


@click.command()
@click.argument("name")
@click.option(
    "--set",
    "new",
    metavar="LIST",
    help="ADDRESS, ADDRESS@PORT or a host's name, each with key:NAME behind when it signs; asked in this order.",
)
@click.option("--refresh", type=int, metavar="SECONDS", help="Look at their serial at least so often. [default: 600]")
@click.option("--strategy", type=click.Choice(["ixfr", "axfr"]), help="Ask for differences or whole. [default: ixfr]")
@click.option("--remove", is_flag=True, help="Make it a primary again, with the contents it has.")
@anywhere_options
def master(
    name: str,
    new: str | None,
    refresh: int | None,
    strategy: Literal["ixfr", "axfr"] | None,
    remove: bool,
    as_json: bool,
) -> None:
    """Show or set the masters of a secondary zone. LIST is separated by commas; a zone that is not there is made."""
    if remove and (new is not None or refresh is not None or strategy):
        raise UsageError("--remove stands alone")
    with client_anywhere() as client:
        if remove:
            client.delete_master(name)
        elif new is not None:
            client.set_master(name, _master(new, refresh, strategy))
        elif refresh is not None or strategy:
            given = {"refresh": refresh, "strategy": strategy}
            client.patch_master(name, {member: value for member, value in given.items() if value is not None})
        try:
            found = None if remove else client.master(name)
        except NotFound as error:
            if new is not None or not error.message.endswith("has no master"):
                raise
            found = None
    if as_json:
        say_json({"zone": name, "master": None if found is None else msgspec.to_builtins(found)})
    elif found is None:
        say("none: a primary zone")
    else:
        say(_line(found))
        for one in found.also:
            say(_line(one))
        say(f"by {found.strategy.upper()}, looked at every {found.refresh} s or more often")


def _line(one: "Masters | Further") -> str:
    return f"{one.hostname} port {one.port}{', key ' + one.tsig if one.tsig else ''}"


def _master(text: str, refresh: int | None, strategy: Literal["ixfr", "axfr"] | None) -> "Masters":
    """As --set names them."""
    from nsblast.client import shapes  # commands about zones and records on this machine load no HTTP

    masters = [_one(item) for item in text.split(",") if item.strip()]
    if not masters:
        raise InputError("--set: no master is named; --remove makes a zone a primary")
    first = masters[0]
    return shapes.Master(
        hostname=first.host,
        port=first.port,
        tsig=first.tsig,
        refresh=refresh if refresh is not None else REFRESH,
        strategy=strategy or "ixfr",
        also=[shapes.Further(one.host, one.port, one.tsig) for one in masters[1:]],
    )


def _one(item: str) -> Master:
    place, *keys = item.split()
    if len(keys) > 1 or any(not key.startswith(_KEY) for key in keys):
        raise InputError(f"--set: {item.strip()!r} is not ADDRESS[@PORT] [key:NAME]")
    try:
        return parse(place, keys[0].removeprefix(_KEY) if keys else "")
    except InputError as error:
        raise InputError(f"--set: {error.message}") from None


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
