"""nsblast apikey | tsigkey: keys of programs and of servers, over the admin API (--url).

Owns: the arguments of these commands. Never: checks (the server has them). A new key's secret is printed once, alone on a line, so that
`KEY=$(nsblast apikey create …)` holds it; nobody can show it again.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from nsblast.cli.account_words import deleted, listed, members, shown
from nsblast.cli.accounts import role_option
from nsblast.cli.speak import say, say_json
from nsblast.cli.target import client_of_url, url_options
from nsblast.client import shapes
from nsblast.client.credentials import read_secret
from nsblast.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
_network = click.option(
    "--network", "networks", multiple=True, metavar="NETWORK", help="Good from these addresses alone; may be given again."
)  # fmt: skip


@click.group()
def apikey() -> None:
    """Make, list and delete API keys of a server (--url)."""


@apikey.command("list")
@url_options
def list_keys(as_json: bool) -> None:
    """List API keys: id, whose, until when, what for."""
    with client_of_url() as client:
        listed("apikeys", client.api_keys(), _key_line, as_json)


def _key_line(key: shapes.ApiKey) -> str:
    return f"{key.id}  {key.owner}  {key.expires or 'for ever'}  {key.comment}".rstrip()


@apikey.command("show")
@click.argument("ident", metavar="ID")
@url_options
def show_key(ident: str, as_json: bool) -> None:
    """Show an API key, without its secret."""
    with client_of_url() as client:
        shown(client.api_key(ident), as_json)


@apikey.command("create")
@role_option
@click.option("--owner", default="", metavar="USER", help="The user it goes with. [default: who asks]")
@click.option(
    "--expires", metavar="TIME", help="Last moment, in ISO 8601 (2027-01-31, 2027-01-31T12:00:00Z). [default: never]"
)
@_network
@click.option("--comment", default="", metavar="TEXT", help="Kept with the key.")
@url_options
def create_key(
    roles: tuple[str, ...], owner: str, expires: str | None, networks: tuple[str, ...], comment: str, as_json: bool
) -> None:
    """Make an API key and print it. This is the only time it is shown."""
    with client_of_url() as client:
        made = client.create_api_key(
            roles, owner=owner, expires=_time(expires), networks=networks, comment=comment
        )  # fmt: skip
    if as_json:
        say_json(members(made))
    else:
        say(made.key)


def _time(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise UsageError(f"--expires {text}: expected a time like 2027-01-31T12:00:00Z") from None


@apikey.command("delete")
@click.argument("ident", metavar="ID")
@url_options
def delete_key(ident: str, as_json: bool) -> None:
    """Delete an API key. It is refused from the next request on."""
    with client_of_url() as client:
        client.delete_api_key(ident)
    deleted("API key", ident, as_json)


@click.group()
def tsigkey() -> None:
    """Make, list and delete TSIG keys of a server (--url)."""


@tsigkey.command("list")
@url_options
def list_tsig(as_json: bool) -> None:
    """List TSIG keys by name."""
    with client_of_url() as client:
        listed("tsigkeys", client.tsig_keys(), lambda each: each.name, as_json)


@tsigkey.command("show")
@click.argument("name")
@url_options
def show_tsig(name: str, as_json: bool) -> None:
    """Show a TSIG key, without its secret."""
    with client_of_url() as client:
        shown(client.tsig_key(name), as_json)


def _may(word: str) -> Callable[[F], F]:
    return click.option(f"--{word}", is_flag=True, help=f"It may be used for {word}.")


def _several(flag: str, what: str) -> Callable[[F], F]:
    return click.option(flag, multiple=True, metavar="NAME", help=f"Only for this {what}; may be given again.")


@tsigkey.command("create")
@click.argument("name")
@click.option("--algorithm", default="hmac-sha256", show_default=True, metavar="NAME", help="Of the signature.")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="The secret (base64) is the first line of FILE, which others cannot read. [default: a new one]",
)
@_may("transfer")
@_may("update")
@_may("notify")
@_several("--zone", "zone")
@_several("--name-below", "name and those below it")
@_several("--type", "type of record")
@_network
@url_options
def create_tsig(
    name: str, algorithm: str, secret_file: Path | None, zone: tuple[str, ...], name_below: tuple[str, ...],
    type: tuple[str, ...], networks: tuple[str, ...], as_json: bool, **may: bool,
) -> None:  # fmt: skip
    """Make a TSIG key and print its secret (base64). This is the only time it is shown."""
    key = shapes.TsigKey(
        name,
        algorithm,
        zones=list(zone),
        names=list(name_below),
        types=[each.upper() for each in type],
        networks=list(networks),
        secret=read_secret(secret_file) if secret_file else "",
    )
    for name_of_use, wanted in may.items():
        setattr(key, name_of_use, wanted)
    with client_of_url() as client:
        made = client.create_tsig_key(key)
    if as_json:
        say_json(members(made))
    else:
        say(made.secret)


@tsigkey.command("delete")
@click.argument("name")
@url_options
def delete_tsig(name: str, as_json: bool) -> None:
    """Delete a TSIG key."""
    with client_of_url() as client:
        client.delete_tsig_key(name)
    deleted("TSIG key", name, as_json)
