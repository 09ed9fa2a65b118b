"""The database that the admin API is measured on: many tenants, very many small zones, one large one; made by nsblast's own bulk ways.

Owns: what it holds. Never: what is asked of it (api.py). A folder that exists is whole: it is made under another name and renamed.
"""

import os
import struct
import subprocess
import sys
import uuid
from pathlib import Path

from nsblast._core.keys import owner_key
from nsblast._core.rrset import HAS_CNAME, IS_APEX, pack_entry
from nsblast.access.changes import AccountChange, Put
from nsblast.access.records_v1 import Tenant
from nsblast.backend.local import LocalBackend
from nsblast.backend.store import open_for_command
from nsblast.records import name_from_text
from nsblast.settings import Settings
from nsblast.types import Wire
from nsblast.zones.model import CreateZones, NewZone
from perf_compare.zones import one_zone

BIG = "one.example."
"""The large zone, of hosts h0000000 and on."""
A, NS, CNAME, SOA, MX, TXT, AAAA = 1, 2, 5, 6, 15, 16, 28
_NS1, _NS2 = b"\x03ns1\x04host\x04test\0", b"\x03ns2\x04host\x04test\0"
_LABELS = 2  # of a small zone's apex
_GROUP = 8192  # zones in a commit


def tenant_id(number: int) -> str:
    """Of one of the tenants."""
    return str(uuid.UUID(int=number + 1))


def zone_name(number: int) -> str:
    """Of one of the small zones."""
    return f"z{number:07d}.example."


def _zone(number: int, tenants: int) -> NewZone:
    """Ten records; entries are put together from octets, because a million zones are to be made in a minute or two."""
    apex = name_from_text(zone_name(number))
    ip, mail = _ip(number), b"\x04mail" + apex
    times = struct.pack("!5I", 1, 7200, 3600, 1209600, 300)
    at_apex = [
        (SOA, 3600, [_NS1 + b"\x0ahostmaster" + apex + times]),
        (NS, 3600, [_NS1, _NS2]),
        (A, 3600, [ip]),
        (MX, 3600, [b"\0\x0a" + mail]),
        (TXT, 3600, [b"\x0bv=spf1 -all"]),
    ]
    www = [(A, 3600, [ip]), (AAAA, 3600, [b"\x20\x01\x0d\xb8" + ip * 3])]
    entries = [
        _entry(apex, IS_APEX, at_apex),
        _entry(b"\x03ftp" + apex, HAS_CNAME, [(CNAME, 3600, [b"\x03www" + apex])]),
        _entry(mail, 0, [(A, 3600, [_ip(number + 1)])]),
        _entry(b"\x03www" + apex, 0, www),
    ]
    return NewZone(apex, "made", tenant_id(number % tenants), entries)


def _entry(name: Wire, flags: int, rrsets: list[tuple[int, int, list[bytes]]]) -> tuple[bytes, bytes]:
    return owner_key(name, _LABELS), pack_entry(rrsets, apex_labels=_LABELS, flags=flags)


def _ip(number: int) -> bytes:
    return (10 << 24 | number & 0xFFFFFF).to_bytes(4, "big")


def _make(backend: LocalBackend, zones: int, tenants: int) -> None:
    for start in range(0, tenants, 500):
        numbers = range(start, min(tenants, start + 500))
        backend.accounts.apply(
            AccountChange(tuple(Put(Tenant(id=tenant_id(one), name=f"tenant{one}")) for one in numbers))
        )
    for start in range(0, zones, _GROUP):
        group = [_zone(number, tenants) for number in range(start, min(zones, start + _GROUP))]
        for made in backend.create_zones(CreateZones(group, actor="made")):
            if isinstance(made, Exception):
                raise made


def database(folder: Path, zones: int, tenants: int, names: int) -> Path:
    """A folder with such a database."""
    made = folder / f"api-{zones}-{tenants}-{names}"
    if made.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = made.with_suffix(".part")
    settings = Settings(db_path=unfinished)
    unfinished.mkdir(mode=0o750)
    backend = open_for_command(settings, create=True)
    try:
        _make(backend, zones, tenants)
    finally:
        backend.close()
    file = one_zone(folder, names)[0][1]
    command = [sys.executable, "-m", "nsblast", "zone", "import", str(file), "-d", str(unfinished)]
    subprocess.run(command, check=True, env=os.environ, stdout=subprocess.DEVNULL)
    unfinished.rename(made)
    return made
