"""nsblast backup export | import: everything as text, for another version, another machine, or another program.

    meta.json        format, version, commit, counts, settings that are not the default (without secrets; import does not apply them)
    accounts.jsonl   one account record a line: {"kind", …fields}; octets as base64
    zones.jsonl      one zone a line: {"zone", "kind", "tenant", "serial", "settings", "file"}
    zones/xx/*.zone  their records as master files

Owns: this form, both directions. Never: rules. An export reads one commit's state as a follower does, whether a server runs or not.
An import makes a new database and refuses one that holds anything. Histories stay behind.
"""

import base64
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import orjson

from nsblast import __version__
from nsblast._core.keys import owner_key
from nsblast._core.name import fold, labels
from nsblast.access import records_v1 as v1
from nsblast.access.changes import AccountChange, Put
from nsblast.access.index import Index
from nsblast.backend.local import LocalBackend
from nsblast.backend.remote import whoami
from nsblast.backend.store import open_for_command
from nsblast.claim import Claim
from nsblast.cli.speak import file_errors
from nsblast.errors import Conflict, InputError, NsblastError, StoreCorrupt, from_os
from nsblast.records import name_from_text, name_to_text
from nsblast.settings import Settings, is_secret, shown
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.store.values_v1 import ZoneKind, ZoneRecord
from nsblast.types import Wire
from nsblast.zones.collect import read_zone
from nsblast.zones.model import ChangeSet, CreateZone, CreateZones, NewZone, ReplaceZone
from nsblast.zones.zonefile import write_zone

FORMAT = 1
SMALL = 1 << 20
"""Octets of a zone's file up to which it is made together with others."""
GROUP_ZONES = 1024
GROUP_OCTETS = 16 << 20
"""Zones, and octets of their entries, that one commit takes."""
_KINDS = {name: kind for kind, name in v1.KINDS.items()}
_ALL: tuple[type[Any], ...] = (v1.Tenant, v1.Role, v1.User, v1.ApiKey, v1.TsigKey, v1.Vzone)


class _Zone(msgspec.Struct, forbid_unknown_fields=True):
    zone: str
    kind: str
    tenant: str
    serial: int
    settings: dict[str, Any]
    file: str | None


def export(settings: Settings, folder: Path) -> dict[str, Any]:
    """Write everything to a new folder; the counts. What is written counts from the moment meta.json is there."""
    with file_errors(f"write {folder}"):
        folder.mkdir(mode=0o700, parents=True)
        # A follower's folder is named by its process, so that the server knows when it may be swept.
        with closing(Database.secondary(settings.db_path, str(os.getpid()))) as database:
            reader = StoreReader(database)
            index = Index(database)
            accounts = (each for kind in _ALL for each in index.walk(kind, "*"))
            told = {
                "accounts": _lines(folder / "accounts.jsonl", map(_account, accounts)),
                "zones": _lines(folder / "zones.jsonl", (_zone(reader, folder, *each) for each in reader.zones())),
            }
            changed = {
                name: shown(name, getattr(settings, name))
                for name, info in Settings.model_fields.items()
                if getattr(settings, name) != info.default and not is_secret(name)
            }
            meta = {"format": FORMAT, "version": __version__, "position": database.position, "time": int(time.time())}
            draft = folder / "meta.json.new"
            draft.write_bytes(orjson.dumps({**meta, **told, "settings": changed}, default=str) + b"\n")
            draft.rename(folder / "meta.json")
    return told


def _lines(path: Path, items: Iterator[Any]) -> int:
    count = 0
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        for item in items:
            out.write(orjson.dumps(item) + b"\n")
            count += 1
    return count


def _account(record: v1.Account) -> dict[str, Any]:
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    plain = {k: base64.b64encode(v).decode() if isinstance(v, bytes) else v for k, v in fields.items()}
    return {"record": v1.KINDS[type(record)], **plain}


def _zone(reader: StoreReader, folder: Path, apex: Wire, record: ZoneRecord) -> dict[str, Any]:
    name = name_to_text(apex)
    file = None
    if record.names:
        digest = hashlib.sha256(apex).hexdigest()
        file = f"zones/{digest[:2]}/{quote(name, safe='')[:150]}{digest[:8]}.zone"
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        depth = labels(apex)
        with open(folder / file, "xb") as out:
            write_zone(out, ((owner_key(entry.owner, depth), entry.blob) for entry in reader.entries(apex)))
    kind = record.kind.name.lower()
    return msgspec.to_builtins(_Zone(name, kind, record.tenant, record.serial, record.settings, file))  # type: ignore[no-any-return]


def import_all(settings: Settings, folder: Path) -> dict[str, Any]:
    """Make a new database of an export; the counts. It is made in the settings' folder, which must hold none."""
    with file_errors(f"read {folder / 'meta.json'}"):
        meta = orjson.loads((folder / "meta.json").read_bytes())
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise InputError(f"{folder / 'meta.json'}: not an export this version reads")
    if (settings.db_path / "CURRENT").exists():
        raise Conflict(f"there is a database in {settings.db_path} already: an import makes a new one")
    try:
        settings.db_path.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise from_os(error, f"make database folder {settings.db_path}") from None
    claim = Claim(settings.db_path, "nsblast backup import")
    with closing(open_for_command(settings, create=True, after=claim.release)) as backend:
        records = list(_read(folder / "accounts.jsonl", _record_of))
        _put(backend, [each for each in records if not isinstance(each, v1.Vzone)])
        zones = 0
        few: list[NewZone] = []
        octets = 0
        for zone in _read(folder / "zones.jsonl", lambda line: msgspec.json.decode(line, type=_Zone)):
            small = _small(settings, folder, zone)
            if small is None:
                backend.apply(_change(settings, folder, zone))
            else:
                few.append(small)
                octets += sum(len(blob) for _, blob in small.entries)
                if len(few) == GROUP_ZONES or octets > GROUP_OCTETS:
                    _create(backend, few)
                    few, octets = [], 0
            zones += 1
        _create(backend, few)
        _put(backend, [_at_home(backend, each) for each in records if isinstance(each, v1.Vzone)])
    return {"accounts": len(records), "zones": zones}


def _read(path: Path, decode: Callable[[bytes], Any]) -> Iterator[Any]:
    with file_errors(f"read {path}"), open(path, "rb") as source:
        for number, line in enumerate(source, 1):
            try:
                yield decode(line)
            except (ValueError, TypeError, KeyError, StoreCorrupt) as error:
                raise InputError(f"{path}:{number}: {error}", file=str(path), line=number) from None


def _record_of(line: bytes) -> v1.Account:
    fields = orjson.loads(line)
    kind = _KINDS[fields.pop("record")]
    if kind in (v1.ApiKey, v1.TsigKey):
        fields["secret"] = base64.b64decode(fields["secret"], validate=True)
    record: v1.Account = v1.decode(kind, v1.encode(kind(**fields)))
    return record


def _put(backend: LocalBackend, records: list[v1.Account]) -> None:
    if records:
        backend.accounts.apply(AccountChange(tuple(map(Put, records)), actor=whoami(), comment="import"))


def _at_home(backend: LocalBackend, vzone: v1.Vzone) -> v1.Vzone:
    """A virtual zone belongs to the zone as it was made here."""
    record = backend.zone(fold(name_from_text(vzone.zone)))
    return msgspec.structs.replace(vzone, incarnation=record.incarnation if record is not None else 0)


def _small(settings: Settings, folder: Path, zone: _Zone) -> NewZone | None:
    """A zone that can be made with others in one commit; None for what is large or not an ordinary primary."""
    if zone.file is None or zone.settings or zone.kind != ZoneKind.PRIMARY.name.lower():
        return None
    path = folder / zone.file
    apex = fold(name_from_text(zone.zone))
    with file_errors(f"read {path}"):
        if path.stat().st_size > SMALL:
            return None
        read = read_zone(path, apex, memory=settings.import_memory, spill_dir=str(settings.db_path))
    return NewZone(apex, "import", zone.tenant, list(read.pairs()))


def _create(backend: LocalBackend, zones: list[NewZone]) -> None:
    """In one commit; the first error, if there is one."""
    if zones:
        for made in backend.create_zones(CreateZones(zones, actor=whoami())):
            if isinstance(made, NsblastError):
                raise made


def _change(settings: Settings, folder: Path, zone: _Zone) -> ChangeSet:
    apex = fold(name_from_text(zone.zone))
    try:
        kind = ZoneKind[zone.kind.upper()]
    except KeyError:
        raise InputError(f"{zone.zone}: {zone.kind!r} is no kind of zone") from None
    if zone.file is None:
        return ChangeSet(apex, (CreateZone(kind, zone.tenant, zone.settings),), actor=whoami(), comment="import")
    path = folder / zone.file
    with file_errors(f"read {path}"):
        read = read_zone(path, apex, memory=settings.import_memory, spill_dir=str(settings.db_path))
    op = ReplaceZone(read.pairs(), keep_serial=True, kind=kind, tenant=zone.tenant, settings=zone.settings)
    return ChangeSet(apex, (op,), actor=whoami(), comment="import")
