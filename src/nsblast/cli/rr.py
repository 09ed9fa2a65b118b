"""nsblast rr get | set | add | delete: the records of one name.

Owns: reading records from the command line. Names are absolute, with or without their final dot, in rdata too.
Each RDATA argument is one record in presentation form; several that only together make one record (MX 10 mail.example.)
are taken as one. A TXT argument without quotes is one text, since the shell has eaten the quotes that were there.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from nsblast._core.name import fold, labels
from nsblast._core.rrset import EntryData, unpack_entry
from nsblast.backend import Backend
from nsblast.backend.remote import whoami
from nsblast.cli import present
from nsblast.cli.speak import say, say_json, settings_of
from nsblast.cli.target import opened, place_options
from nsblast.errors import InputError, NotFound
from nsblast.records import from_text, name_from_text, name_to_text, to_text, type_name, type_number
from nsblast.store.layout import suffixes
from nsblast.types import Wire
from nsblast.zones.model import (
    TTL_DEFAULT,
    AppendRRs,
    ChangeSet,
    DeleteName,
    DeleteRRs,
    DeleteTypes,
    MergeRRsets,
    Op,
    Result,
    RRset,
)

_TXT_LIKE = {16, 99}  # TXT, SPF
_STRING_MAX = 255
# Negative numbers stand in rdata (LOC): what looks like an unknown option is an argument.
_ARGUMENTS: dict[str, Any] = {"ignore_unknown_options": True}
_TTL = click.IntRange(0, 0x7FFFFFFF)

zone_option = click.option("--zone", metavar="ZONE", help="The zone meant, where parent and child zone hold the name.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Check and show the difference, change nothing.")
ttl_option = click.option(
    "--ttl", type=_TTL, metavar="SECONDS", help="TTL of the RRset. [default: as it is; 2592000 when new]"
)


@click.group()
def rr() -> None:
    """Show and change records."""


@rr.command()
@click.argument("name")
@click.argument("rrtype", metavar="[TYPE]", required=False)
@zone_option
@place_options
def get(
    name: str, rrtype: str | None, zone: str | None, db_path: Path | None, config: Path | None, as_json: bool
) -> None:
    """Print the records of NAME as they are stored (no wildcard or CNAME is followed)."""
    owner, number = name_from_text(name), _type(rrtype)
    with closing(opened(settings_of(db_path, config), "nsblast rr get")) as backend:
        apex = apex_for(backend, owner, zone)
        data = _stored(backend, owner, apex)
    rrsets = [rrset for rrset in data.rrsets if number in (None, rrset[0])] if data else []
    if data is None or not rrsets:
        raise NotFound(_nothing(owner, number))
    shown = data.spelling or fold(owner)
    if as_json:
        rest = {"zone": name_to_text(apex), "name": name_to_text(shown)}
        say_json({**rest, "rrsets": present.rrset_members(rrsets)})
        return
    for record in present.rrs_of(shown, rrsets):
        say(present.rr_line(record))


@rr.command("set", context_settings=_ARGUMENTS)
@click.argument("name")
@click.argument("rrtype", metavar="TYPE")
@click.argument("rdata", nargs=-1, required=True)
@ttl_option
@zone_option
@dry_run_option
@place_options
def set_(**given: Any) -> None:
    """Make these the only records of TYPE at NAME.

    Each RDATA is one record in presentation form; the words of a single record may also stand as arguments of their own. Names
    are absolute, with or without a final dot. Text of a TXT record without quotes in it is taken as one text. Behind -- nothing is
    an option.
    """
    _put("set", MergeRRsets, **given)


@rr.command(context_settings=_ARGUMENTS)
@click.argument("name")
@click.argument("rrtype", metavar="TYPE")
@click.argument("rdata", nargs=-1, required=True)
@ttl_option
@zone_option
@dry_run_option
@place_options
def add(**given: Any) -> None:
    """Add records to those of TYPE at NAME; what is there already is not doubled.

    RDATA is written as for `rr set`.
    """
    _put("add", AppendRRs, **given)


def _put(
    what: str,
    op: type[MergeRRsets | AppendRRs],
    *,
    name: str,
    rrtype: str,
    rdata: tuple[str, ...],
    ttl: int | None,
    zone: str | None,
    dry_run: bool,
    db_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    owner, number = name_from_text(name), type_of(rrtype)
    rdatas = tuple(read_rdatas(number, rdata))
    with closing(opened(settings_of(db_path, config), f"nsblast rr {what}")) as backend:
        apex = apex_for(backend, owner, zone)
        if ttl is None:
            ttl = _ttl_of(_stored(backend, owner, apex), number)
        change = ChangeSet(apex, (op(owner, (RRset(number, ttl, rdatas),)),), actor=whoami(), dry_run=dry_run)
        result = backend.apply(change)
    _show(result, dry_run, as_json)


@rr.command(context_settings=_ARGUMENTS)
@click.argument("name")
@click.argument("rrtype", metavar="[TYPE]", required=False)
@click.argument("rdata", nargs=-1)
@zone_option
@dry_run_option
@place_options
def delete(
    name: str,
    rrtype: str | None,
    rdata: tuple[str, ...],
    zone: str | None,
    dry_run: bool,
    db_path: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Delete NAME with all its records, its records of TYPE, or single ones of them.

    RDATA is written as for `rr set`. Names below NAME stay.
    """
    owner, number = name_from_text(name), _type(rrtype)
    rdatas = read_rdatas(number, rdata) if number is not None else []
    with closing(opened(settings_of(db_path, config), "nsblast rr delete")) as backend:
        apex = apex_for(backend, owner, zone)
        _check_there(_stored(backend, owner, apex), owner, number, rdatas)
        result = backend.apply(ChangeSet(apex, (_deletion(owner, number, rdatas),), actor=whoami(), dry_run=dry_run))
    if result.diff is not None and not result.diff.removed:
        # Somebody else was quicker.
        raise NotFound(_nothing(owner, number))
    _show(result, dry_run, as_json)


def _deletion(owner: Wire, rrtype: int | None, rdatas: list[bytes]) -> Op:
    if rrtype is None:
        return DeleteName(owner)
    return DeleteRRs(owner, (RRset(rrtype, 0, tuple(rdatas)),)) if rdatas else DeleteTypes(owner, (rrtype,))


def _check_there(data: EntryData | None, owner: Wire, rrtype: int | None, rdatas: list[bytes]) -> None:
    there = [rrset for rrset in data.rrsets if rrtype in (None, rrset[0])] if data else []
    if not there:
        raise NotFound(_nothing(owner, rrtype))
    for rdata in set(rdatas) - {rdata for rrset in there for rdata in rrset[2]}:
        raise NotFound(f"{_nothing(owner, rrtype)} with rdata {to_text(rrtype or 0, rdata)}")


def _show(result: Result, dry_run: bool, as_json: bool) -> None:
    if as_json:
        say_json(present.result_members(result, dry_run))
    else:
        for line in present.result_lines(result, dry_run):
            say(line)


def apex_for(backend: Backend, owner: Wire, zone: str | None) -> Wire:
    """Apex of the zone meant: the one named, else the deepest that holds the name. NotFound, InputError."""
    name = fold(owner)
    if zone is None:
        found = backend.find_zone(name)
        if found is None:
            raise NotFound(f"no zone here holds {name_to_text(owner)}", name=name_to_text(owner))
        return found.apex
    apex = fold(name_from_text(zone))
    if backend.zone(apex) is None:
        raise NotFound(f"there is no zone {name_to_text(apex)}", zone=name_to_text(apex))
    if apex not in suffixes(name):
        raise InputError(f"{name_to_text(owner)} is not in zone {name_to_text(apex)}")
    return apex


def _stored(backend: Backend, owner: Wire, apex: Wire) -> EntryData | None:
    entry = backend.entry(fold(owner), labels(apex))
    return None if entry is None else unpack_entry(entry.blob)


def _ttl_of(data: EntryData | None, rrtype: int) -> int:
    return next((ttl for number, ttl, _ in data.rrsets if number == rrtype), TTL_DEFAULT) if data else TTL_DEFAULT


def _nothing(owner: Wire, rrtype: int | None) -> str:
    return f"there is no {'' if rrtype is None else type_name(rrtype) + ' '}record at {name_to_text(owner)}"


def read_rdatas(rrtype: int, texts: tuple[str, ...]) -> list[bytes]:
    """Wire form of each record given; InputError says which argument is wrong and why."""
    try:
        return [_rdata(rrtype, text) for text in texts]
    except InputError:
        if len(texts) > 1:
            # The words of one record without quotes around them: none of them is a record, all together are.
            try:
                return [from_text(rrtype, " ".join(texts))]
            except InputError:
                pass
        raise


def _rdata(rrtype: int, text: str) -> bytes:
    if rrtype not in _TXT_LIKE or '"' in text or text.startswith("\\#"):
        return from_text(rrtype, text)
    if "\\" in text:
        return from_text(rrtype, f'"{text}"')
    octets = text.encode("utf-8", "surrogateescape")
    pieces = [octets[at : at + _STRING_MAX] for at in range(0, len(octets), _STRING_MAX)] or [b""]
    return b"".join(bytes((len(piece),)) + piece for piece in pieces)


def type_of(text: str) -> int:
    """Number of a type by name; InputError when there is none such."""
    try:
        return type_number(text)
    except ValueError:
        raise InputError(f"{text!r} is no record type like AAAA or TYPE65280") from None


def _type(text: str | None) -> int | None:
    return None if text is None else type_of(text)
