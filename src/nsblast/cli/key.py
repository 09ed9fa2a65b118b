"""nsblast key: TSIG keys (RFC 8945), on this machine's database, its running server, or a server anywhere (--url).

Owns: the arguments of these commands, what they print. Never: checks of keys (access/), files' form (access/key_files.py). A secret never stands
on the command line: it is made here, or read from a file that others cannot read, or from standard input.
"""

import base64
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from nsblast.access.checks import ALGORITHMS
from nsblast.access.key_files import OCTETS_MOST, Found, algorithm_of, read, read_file, secret_of, write
from nsblast.access.may import ALL_TENANTS
from nsblast.access.records_v1 import TsigKey
from nsblast.access.rules import wire
from nsblast.admin.account_forms import show as members_of
from nsblast.backend.keys import Keys, keys_of
from nsblast.backend.opening import connect
from nsblast.cli.account_words import deleted, listed, shown
from nsblast.cli.keys import network_option
from nsblast.cli.speak import file_errors, say, say_json, settings_of
from nsblast.cli.target import client_if_url, place_options, tenant_given
from nsblast.client.credentials import read_secret
from nsblast.errors import Conflict, InputError, NotFound, UsageError
from nsblast.records.names import name_to_text

F = TypeVar("F", bound=Callable[..., Any])
_USES = ("transfer", "update", "notify")


@click.group()
def key() -> None:
    """Make, list, show and remove TSIG keys; read and write BIND's key files."""


@contextmanager
def _keys(db_path: Path | None, config: Path | None) -> Iterator[Keys]:
    """Where --url says, else of this machine's database, by its server where one runs."""
    client = client_if_url(tenant_goes=True)
    if client is not None:
        from nsblast.cli.keys_over_http import UrlKeys

        with client:
            yield UrlKeys(client)
        return
    backend = connect(settings_of(db_path, config), "key")
    try:
        yield keys_of(backend)
    finally:
        backend.close()


def _several(flag: str, name: str, help_text: str) -> Callable[[F], F]:
    return click.option(flag, name, multiple=True, metavar="NAME", help=f"{help_text}; may be given again.")


def scope_options(function: F) -> F:
    """What a key may do, as the argument `scope`."""
    function = network_option(function)
    function = _several("--type", "types", "It may update this type of record alone")(function)
    function = click.option(
        "--regex", default="", metavar="REGEX", help="It may update names alone that match this whole (RE2)."
    )(function)
    function = _several("--name-below", "names", "It may update this name and those below alone (*.NAME: those below)")(
        function
    )
    function = _several("--zone", "zones", "It is good for this zone alone, and not for all of the tenant")(function)
    for word in reversed(_USES):
        function = click.option(f"--{word}", is_flag=True, help=f"It may be used for {word}.")(function)
    return function


def _record(found: Found, scope: dict[str, Any]) -> TsigKey:
    below = scope.get("names", ())
    return TsigKey(
        tenant=tenant_given(),
        name=found.name,
        algorithm=found.algorithm,
        secret=found.secret,
        transfer=scope["transfer"],
        update=scope["update"],
        notify=scope["notify"],
        zones=[_name(each) for each in scope.get("zones", ())],
        names=[_name(each) for each in below],
        types=[each.upper() for each in scope.get("types", ())],
        networks=list(scope.get("networks", ())),
        regex=scope.get("regex", ""),
    )


def _name(text: str) -> str:
    return name_to_text(wire(text))


@key.command("generate")
@click.argument("name")
@click.option("--algorithm", default="hmac-sha256", show_default=True, metavar="NAME", help="Of the signature.")
@scope_options
@place_options
def generate(name: str, algorithm: str, db_path: Path | None, config: Path | None, as_json: bool, **scope: Any) -> None:
    """Make a key with a new secret, store it, and print it in the form of BIND's key files."""
    kind = algorithm_of(algorithm)
    record = _record(Found(_name(name), kind, secrets.token_bytes(ALGORITHMS[kind])), scope)
    with _keys(db_path, config) as keys:
        made = keys.put(record)
    if as_json:
        say_json(_members(made, secret=True))
    else:
        say(write(made).rstrip("\n"))


@key.command("add")
@click.argument("name")
@click.option("--algorithm", default="hmac-sha256", show_default=True, metavar="NAME", help="Of the signature.")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path, readable=False, allow_dash=True),
    metavar="FILE",
    required=True,
    help="The secret (base64) is the first line of FILE, which others cannot read; - = of standard input.",
)
@scope_options
@place_options
def add(
    name: str,
    algorithm: str,
    secret_file: Path,
    db_path: Path | None,
    config: Path | None,
    as_json: bool,
    **scope: Any,
) -> None:
    """Store a key whose secret is known."""
    text = sys.stdin.readline(4096) if str(secret_file) == "-" else read_secret(secret_file)
    record = _record(Found(_name(name), algorithm_of(algorithm), secret_of(text)), scope)
    with _keys(db_path, config) as keys:
        made = keys.put(record)
    if as_json:
        say_json(_members(made))
    else:
        say(f"key {made.name} added")


@key.command("list")
@place_options
def list_keys(db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """List keys: name, algorithm, what for."""
    with _keys(db_path, config) as keys:
        listed("keys", map(_members, keys.all(tenant_given() or ALL_TENANTS)), _line, as_json)


def _line(told: dict[str, Any]) -> str:
    uses = ",".join(use for use in _USES if told[use]) or "by rules"
    state = "" if told["active"] else "  stopped"
    return f"{told['name']}  {told['algorithm']}  {uses}{state}" + (f"  {told['source']}" if told["source"] else "")


@key.command("show")
@click.argument("name")
@place_options
def show(name: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Show a key, without its secret (`export` has it)."""
    with _keys(db_path, config) as keys:
        shown(_members(_demand(keys, name)), as_json)


def _demand(keys: Keys, name: str) -> TsigKey:
    found = keys.get(_name(name))
    if found is None:
        raise NotFound(f"there is no key {_name(name)}")
    return found


def _members(record: TsigKey, *, secret: bool = False) -> dict[str, Any]:
    """What is told of a key."""
    told = members_of(record, tenant=bool(record.tenant))
    return {**told, "secret": base64.b64encode(record.secret).decode()} if secret else told


@key.command("remove")
@click.argument("name")
@place_options
def remove(name: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Remove a key. It is unknown to the next message."""
    with _keys(db_path, config) as keys:
        keys.delete(_name(name))
    deleted("key", _name(name), as_json)


@key.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False, allow_dash=True))
@click.option("--replace", is_flag=True, help="Replace keys that are stored already.")
@scope_options
@place_options
def import_keys(
    files: tuple[Path, ...], replace: bool, db_path: Path | None, config: Path | None, as_json: bool, **scope: Any
) -> None:
    """Store the keys of FILES (- = standard input): tsig-keygen's, named.conf's, or a .key or .private of nsupdate -k.

    All files are read before anything is stored.
    """
    records: dict[str, TsigKey] = {}
    for file in files:
        found = read(sys.stdin.buffer.read(OCTETS_MOST + 1), "standard input") if str(file) == "-" else read_file(file)
        for each in found:
            if each.name in records:
                raise InputError(f"{file}: the key {each.name} is in another of these files too")
            records[each.name] = _record(each, scope)
    with _keys(db_path, config) as keys:
        if not replace:
            taken = [name for name in records if keys.get(name) is not None]
            if taken:
                raise Conflict(f"there is a key {taken[0]} already: --replace replaces it")
        for record in records.values():
            keys.put(record, replace=replace)
    if as_json:
        say_json({"imported": list(records)})
    else:
        for name in records:
            say(f"key {name} added")


@key.command("export")
@click.argument("names", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Into a new FILE that others cannot read. [default: standard output]",
)
@place_options
def export(
    names: tuple[str, ...], output: Path | None, db_path: Path | None, config: Path | None, as_json: bool
) -> None:
    """Print keys with their secrets in the form of BIND's key files: NAMES, or all. Not over --url, which never tells a secret twice."""
    if client_if_url(tenant_goes=True) is not None:
        raise UsageError("secrets of keys are not told over --url: export on the server's machine")
    with _keys(db_path, config) as keys:
        found = [_demand(keys, name) for name in names] if names else list(keys.all(tenant_given() or ALL_TENANTS))
    text = "".join(map(write, found))
    if output is not None:
        with (
            file_errors(f"write {output}"),
            os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file,
        ):
            file.write(text)
    if as_json:
        say_json({"keys": [_members(each, secret=output is None) for each in found]})
    elif output is None and text:
        say(text.rstrip("\n"))
