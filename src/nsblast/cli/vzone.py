"""nsblast vzone: subtrees of zones given to other tenants, of this machine's database, its running server, or a server anywhere (--url).

Owns: the arguments of these commands. Never: whose a name is (access/).
"""

import click

from nsblast.cli.account_words import listed, members
from nsblast.cli.speak import say, say_json
from nsblast.cli.target import anywhere_options, client_anywhere
from nsblast.client import shapes

to_option = click.option("--to", required=True, metavar="TENANT", help="The tenant it is given to (id or name).")


@click.group()
def vzone() -> None:
    """Give subtrees of zones to other tenants, list them and take them back."""


@vzone.command("list")
@click.option("--given", is_flag=True, help="Those that the tenant gave away, instead of those it was given.")
@anywhere_options
def list_vzones(given: bool, as_json: bool) -> None:
    """List virtual zones that the tenant was given: name, zone, tenant. Those of all tenants with --tenant '*'."""
    with client_anywhere() as client:
        listed("vzones", client.vzones(given=given), _line, as_json)


def _line(each: shapes.Vzone) -> str:
    return f"{each.vzone}  {each.zone}  {each.tenant}"


@vzone.command("names")
@click.argument("name")
@anywhere_options
def names(name: str, as_json: bool) -> None:
    """List what is in a virtual zone: names and their types; with --json the records."""
    with client_anywhere() as client:
        listed("entries", client.vzone_entries(name), _entry_line, as_json)


def _entry_line(each: shapes.Entry) -> str:
    return f"{each['fqdn']}  {', '.join(member for member in each if member not in ('fqdn', 'ttl', 'ttls'))}"


@vzone.command("create")
@click.argument("name")
@to_option
@anywhere_options
def create_vzone(name: str, to: str, as_json: bool) -> None:
    """Give NAME, in a zone of the tenant acted in, and all below it to another tenant. Its records stay where they are."""
    with client_anywhere() as client:
        _told("given", client.create_vzone(name, to), as_json)


@vzone.command("set")
@click.argument("name")
@to_option
@anywhere_options
def set_vzone(name: str, to: str, as_json: bool) -> None:
    """Give a virtual zone to another tenant than the one that has it."""
    with client_anywhere() as client:
        _told("given", client.put_vzone(name, to), as_json)


@vzone.command("delete")
@click.argument("name")
@anywhere_options
def delete_vzone(name: str, as_json: bool) -> None:
    """Take a virtual zone back. Its records stay."""
    with client_anywhere() as client:
        _told("taken back", client.delete_vzone(name), as_json)


def _told(what: str, each: shapes.Vzone, as_json: bool) -> None:
    if as_json:
        say_json(members(each))
    else:
        say(f"{each.vzone} of {each.zone} {what}{' to ' + each.tenant if each.tenant else ''}")
