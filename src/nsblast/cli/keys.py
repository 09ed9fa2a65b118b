"""nsblast apikey: keys of programs, of this machine's database, its running server, or a server anywhere (--url).

Owns: the arguments of these commands. Never: checks (the server has them). A new key's secret is printed once, alone on a line, so that
`KEY=$(nsblast apikey create …)` holds it; nobody can show it again.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from nsblast.cli.account_words import deleted, listed, members, shown
from nsblast.cli.accounts import role_option
from nsblast.cli.speak import say, say_json
from nsblast.cli.target import anywhere_options, client_anywhere
from nsblast.client import shapes
from nsblast.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
network_option = click.option(
    "--network", "networks", multiple=True, metavar="NETWORK", help="Good from these addresses alone; may be given again."
)  # fmt: skip


@click.group()
def apikey() -> None:
    """Make, list and delete API keys."""


@apikey.command("list")
@anywhere_options
def list_keys(as_json: bool) -> None:
    """List API keys: id, whose, until when, what for."""
    with client_anywhere() as client:
        listed("apikeys", client.api_keys(), _key_line, as_json)


def _key_line(key: shapes.ApiKey) -> str:
    return f"{key.id}  {key.owner}  {key.expires or 'for ever'}  {key.comment}".rstrip()


@apikey.command("show")
@click.argument("ident", metavar="ID")
@anywhere_options
def show_key(ident: str, as_json: bool) -> None:
    """Show an API key, without its secret."""
    with client_anywhere() as client:
        shown(client.api_key(ident), as_json)


@apikey.command("create")
@role_option
@click.option("--owner", default="", metavar="USER", help="The user it goes with. [default: who asks]")
@click.option(
    "--expires", metavar="TIME", help="Last moment, in ISO 8601 (2027-01-31, 2027-01-31T12:00:00Z). [default: never]"
)
@network_option
@click.option("--comment", default="", metavar="TEXT", help="Kept with the key.")
@anywhere_options
def create_key(
    roles: tuple[str, ...], owner: str, expires: str | None, networks: tuple[str, ...], comment: str, as_json: bool
) -> None:
    """Make an API key and print it. This is the only time it is shown."""
    with client_anywhere() as client:
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
@anywhere_options
def delete_key(ident: str, as_json: bool) -> None:
    """Delete an API key. It is refused from the next request on."""
    with client_anywhere() as client:
        client.delete_api_key(ident)
    deleted("API key", ident, as_json)
