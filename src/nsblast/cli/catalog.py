"""nsblast catalog: catalog zones (RFC 9432), on this machine's database, its running server, or a server anywhere (--url).

Owns: the arguments of these commands, what they print. Never: what a catalog does (transfer/catalogs.py): a server does it while it runs.
"""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import click
import msgspec

from nsblast._core.name import fold
from nsblast.backend import Backend
from nsblast.backend.opening import connect
from nsblast.backend.remote import whoami
from nsblast.cli.speak import file_errors, say, say_json, say_json_list, settings_of
from nsblast.cli.target import client_if_url, place_options, tenant_given
from nsblast.client import Client
from nsblast.client.shapes import Master, Soa
from nsblast.errors import Conflict, InputError, NotFound, NotRunning
from nsblast.records import from_text, name_from_text, name_to_text
from nsblast.store.layout import CATALOG_SETTING
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.transfer.catalog import members, zones_of
from nsblast.transfer.catalog_settings import MEMBERSHIP, Membership, checked_membership
from nsblast.transfer.masters import REFRESH, Source, parse, setting_of
from nsblast.transfer.masters import SETTING as MASTER
from nsblast.types import Wire
from nsblast.zones.model import ChangeSet, ConfigureZone, CreateZone, PutName, RRset

_SOA, _NS = 6, 2
_NEW_SOA: Soa = {
    "mname": "invalid.", "rname": "invalid.", "refresh": 3600, "retry": 600, "expire": 2147483646, "minimum": 0,
}  # fmt: skip
"""Of a new catalog, which is followed as it was while it is out of reach (RFC 9432 4.1)."""


class Place(Protocol):
    """Where a command works."""

    def set(self, zone: Wire, setting: str, value: dict[str, Any]) -> None:
        """One setting of a zone; an empty value takes it away. NotFound."""

    def get(self, zone: Wire, setting: str) -> dict[str, Any]:
        """{} when it was not set. NotFound when there is no zone."""

    def status(self, zone: Wire) -> dict[str, Any]:
        """What the server knows of a catalog."""

    def members(self, zone: Wire) -> Iterator[dict[str, Any]]:
        """Of a catalog, by label."""

    def create(self, zone: Wire) -> None:
        """A zone for a catalog that is made here, unless there is one."""


class Here:
    """This machine's database."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def record(self, zone: Wire) -> ZoneRecord:
        """NotFound when there is no such zone."""
        found = self.backend.zone(zone)
        if found is None:
            raise NotFound(f"there is no zone {name_to_text(zone)}", zone=name_to_text(zone))
        return found

    def set(self, zone: Wire, setting: str, value: dict[str, Any]) -> None:
        """See Place."""
        record = self.record(zone)
        if setting == CATALOG_SETTING and value:
            wanted = ZoneKind.PRIMARY if value["role"] == "producer" else ZoneKind.SECONDARY
            if record.kind is not wanted:
                raise Conflict(f"{name_to_text(zone)} {'has a' if record.kind else 'has no'} master")
        settings = {name: old for name, old in record.settings.items() if name != setting}
        if value:
            settings[setting] = value
        self.backend.apply(ChangeSet(zone, (ConfigureZone(settings=settings),), actor=whoami()))

    def get(self, zone: Wire, setting: str) -> dict[str, Any]:
        """See Place."""
        found: dict[str, Any] = self.record(zone).settings.get(setting, {})
        return found

    def status(self, zone: Wire) -> dict[str, Any]:
        """See Place."""
        self.record(zone)
        if not self.backend.running:
            raise NotRunning("no server runs on this database: nobody makes or follows catalogs")
        found: dict[str, Any] = self.backend.command("catalog", apex=zone)
        return found

    def members(self, zone: Wire) -> Iterator[dict[str, Any]]:
        """See Place."""
        if CATALOG_SETTING not in self.record(zone).settings:
            raise NotFound(f"{name_to_text(zone)} is no catalog")
        entries = self.backend.entries(zone, zones_of(zone))
        for member in members(zone, ((owner, blob) for owner, blob in entries)):
            yield {
                "zone": name_to_text(member.zone),
                "label": member.label[1:].decode("ascii", "backslashreplace"),
                "groups": [group.decode("utf-8", "replace") for group in member.groups],
                "coo": name_to_text(member.coo) if member.coo is not None else "",
            }

    def create(self, zone: Wire) -> None:
        """See Place."""
        if self.backend.zone(zone) is not None:
            return
        soa = RRset(_SOA, 0, (from_text(_SOA, "invalid. invalid. 1 3600 600 2147483646 0"),))
        ns = RRset(_NS, 0, (from_text(_NS, "invalid."),))
        ops = (CreateZone(tenant=tenant_given()), PutName(zone, (soa, ns)))
        self.backend.apply(ChangeSet(zone, ops, actor=whoami()))


class There:
    """A server anywhere."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def set(self, zone: Wire, setting: str, value: dict[str, Any]) -> None:
        """See Place."""
        name = name_to_text(zone)
        if setting == CATALOG_SETTING:
            self.client.set_catalog(name, value) if value else self.client.delete_catalog(name)
        elif value:
            self.client.set_membership(name, value)
        else:
            self.client.delete_membership(name)

    def get(self, zone: Wire, setting: str) -> dict[str, Any]:
        """See Place."""
        name = name_to_text(zone)
        return self.client.catalog(name) if setting == CATALOG_SETTING else self.client.membership(name)

    def status(self, zone: Wire) -> dict[str, Any]:
        """See Place."""
        return self.client.catalog_status(name_to_text(zone))

    def members(self, zone: Wire) -> Iterator[dict[str, Any]]:
        """See Place."""
        return self.client.members(name_to_text(zone))

    def make_secondary(self, zone: Wire, master: dict[str, Any]) -> None:
        """A zone with these masters, made if need be."""
        self.client.set_master(name_to_text(zone), msgspec.convert(master, Master))

    def create(self, zone: Wire) -> None:
        """See Place."""
        from nsblast.client.errors import Taken

        with contextlib.suppress(Taken):
            self.client.create_zone(name_to_text(zone), {"ttl": 0, "ns": ["invalid."], "soa": _NEW_SOA})


@contextlib.contextmanager
def _place(db_path: Path | None, config: Path | None, *, checked: bool = False) -> Iterator[Place]:
    """checked: what is set goes through the admin API's checks here, too."""
    client = client_if_url(tenant_goes=True)
    if client is None and checked:
        from nsblast.cli.here import client_here

        client = client_here(settings_of(db_path, config), "nsblast catalog", tenant_given())
    if client is not None:
        with client:
            yield There(client)
        return
    with contextlib.closing(connect(settings_of(db_path, config), "nsblast catalog")) as backend:
        yield Here(backend)


def _apex(name: str) -> Wire:
    return fold(name_from_text(name))


@click.group()
def catalog() -> None:
    """Make and follow catalog zones (RFC 9432): lists of zones that other servers take up by themselves."""


@catalog.command("produce")
@click.argument("name")
@click.option(
    "--of",
    type=click.Choice(["all", "tenant", "named"]),
    default="tenant",
    show_default=True,
    help="Which zones: all, those of the catalog's tenant, or those that name it (`catalog join`).",
)
@place_options
def produce(name: str, of: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Make the zone NAME a catalog of zones here; the zone is made when there is none."""
    apex = _apex(name)
    with _place(db_path, config) as place:
        place.create(apex)
        place.set(apex, CATALOG_SETTING, {"role": "producer", "of": of})
    _told({"catalog": name_to_text(apex), "of": of}, f"{name_to_text(apex)} is a catalog of {of} zones", as_json)


def _told(value: dict[str, Any], line: str, as_json: bool) -> None:
    if as_json:
        say_json(value)
    else:
        say(line)


@catalog.command("consume")
@click.argument("name")
@click.option("--from", "masters", multiple=True, metavar="ADDRESS", help="Where the catalog, and its members, are transferred from: ADDRESS, [ADDRESS]:PORT or NAME; may be given again.")  # fmt: skip
@click.option("--refresh", type=click.IntRange(1, 0x7FFFFFFF), default=REFRESH, show_default=True, metavar="SECONDS", help="Between two looks at a serial, with --from.")  # fmt: skip
@click.option("--key", default="", metavar="NAME", help="Sign transfers with this TSIG key (`nsblast key`).")
@click.option("--set-up", type=click.Path(path_type=Path, readable=False, allow_dash=True), metavar="FILE", help='What members are set up with: JSON {"template": …, "groups": …} as over HTTP; - is standard input. [default: the catalog\'s masters]')  # fmt: skip
@place_options
def consume(name: str, masters: tuple[str, ...], refresh: int, key: str, set_up: Path | None, db_path: Path | None, config: Path | None, as_json: bool) -> None:  # fmt: skip
    """Follow the catalog NAME: make, set up and remove secondary zones as it says.

    With --from the zone is made, if need be, as a secondary of these masters. What members were set up with before is replaced.
    """
    apex = _apex(name)
    told: dict[str, Any] = {"role": "consumer"}
    if set_up is not None:
        told |= _read(set_up)
    with _place(db_path, config, checked=set_up is not None or bool(key)) as place:
        if masters and isinstance(place, Here):
            source = setting_of(Source(tuple(parse(each, key) for each in masters), refresh))
            _make_secondary(place.backend, apex, {MASTER: source, CATALOG_SETTING: told})
        else:
            if masters and isinstance(place, There):
                place.make_secondary(apex, setting_of(Source(tuple(parse(each, key) for each in masters), refresh)))
            place.set(apex, CATALOG_SETTING, told)
    _told({"catalog": name_to_text(apex)}, f"{name_to_text(apex)} is followed", as_json)


def _read(file: Path) -> dict[str, Any]:
    """A template and groups, in the form that the API takes; InputError."""
    from nsblast.admin.routes_catalog import CatalogForm

    with file_errors(f"read {file}"):
        text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        given = msgspec.json.decode(text, type=dict[str, Any])
        msgspec.convert({**given, "role": "consumer"}, CatalogForm)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: {error}", file=str(file)) from None
    stray = next((member for member in given if member not in ("template", "groups")), None)
    if stray is not None:
        raise InputError(f"{file}: {stray!r} is neither template nor groups", file=str(file))
    return given


def _make_secondary(backend: Backend, apex: Wire, settings: dict[str, Any]) -> None:
    record = backend.zone(apex)
    if record is None:
        op: Any = CreateZone(ZoneKind.SECONDARY, tenant_given(), settings)
    elif record.kind is ZoneKind.PRIMARY:
        raise Conflict(f"there is a zone {name_to_text(apex)} already, and it has no master")
    else:
        op = ConfigureZone(settings={**record.settings, **settings})
    backend.apply(ChangeSet(apex, (op,), actor=whoami()))


@catalog.command("stop")
@click.argument("name")
@place_options
def stop(name: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Make the catalog NAME an ordinary zone. What it holds stays, and so do the zones it made."""
    apex = _apex(name)
    with _place(db_path, config) as place:
        if not place.get(apex, CATALOG_SETTING):
            raise NotFound(f"{name_to_text(apex)} is no catalog")
        place.set(apex, CATALOG_SETTING, {})
    _told({"stopped": name_to_text(apex)}, f"{name_to_text(apex)} is no catalog any more", as_json)


@catalog.command("show")
@click.argument("name")
@place_options
def show(name: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Show what the zone NAME is set up as, a catalog or a member of some: JSON, in the form that the API takes."""
    apex = _apex(name)
    with _place(db_path, config) as place:
        told: dict[str, Any] = {"zone": name_to_text(apex), MEMBERSHIP: place.get(apex, MEMBERSHIP)}
        with contextlib.suppress(NotFound):
            told[CATALOG_SETTING] = place.get(apex, CATALOG_SETTING)
    told = {member: value for member, value in told.items() if value}
    if as_json:
        say_json(told)
    else:
        say(msgspec.json.format(msgspec.json.encode(told)).decode())


@catalog.command("status")
@click.argument("name")
@place_options
def status(name: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """Tell how the catalog NAME fares: whether it is up to date, broken and why, and members that could not be made."""
    with _place(db_path, config) as place:
        told = place.status(_apex(name))
    if as_json:
        say_json(told)
        return
    say(f"{told['role']}, {told['state']}" + (f": {told['problem']}" if told["problem"] else ""))
    if told.get("serial") is not None:
        say(f"serial {told['serial']}")
    for clash in told.get("clashes", ()):
        say(f"not made: {clash['zone']}: {clash['reason']}")


@catalog.command("members")
@click.argument("name")
@place_options
def list_members(name: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:
    """List members of the catalog NAME: zone, label, groups, and the catalog it goes to."""
    with _place(db_path, config) as place:
        found = place.members(_apex(name))
        if as_json:
            say_json_list("members", found)
            return
        for each in found:
            more = [f"group={group}" for group in each["groups"]] + ([f"coo={each['coo']}"] if each["coo"] else [])
            say("  ".join([each["zone"], each["label"], *more]))


@catalog.command("join")
@click.argument("zone")
@click.argument("catalogs", nargs=-1)
@click.option("--none", is_flag=True, help="In no catalog at all.")
@click.option("--group", default="", metavar="NAME", help="Its group property.")
@click.option("--coo", default="", metavar="CATALOG", help="It goes to this catalog, which the others it is in tell their followers.")  # fmt: skip
@place_options
def join(zone: str, catalogs: tuple[str, ...], none: bool, group: str, coo: str, db_path: Path | None, config: Path | None, as_json: bool) -> None:  # fmt: skip
    """Say in which CATALOGS a zone is. Without any: in each that is of all zones, or of all its tenant's."""
    given: Iterable[str] | None = list(catalogs) if catalogs or none else None
    told = Membership(group=group, coo=coo)
    if given is not None:
        told = msgspec.structs.replace(told, catalogs=[] if none else list(given))
    stored = checked_membership(told)
    apex = _apex(zone)
    with _place(db_path, config) as place:
        place.set(apex, MEMBERSHIP, stored)
    where = ", ".join(stored["catalogs"]) or "no catalog" if "catalogs" in stored else "every catalog that takes it"
    _told({"zone": name_to_text(apex), "membership": stored}, f"{name_to_text(apex)} is in {where}", as_json)
