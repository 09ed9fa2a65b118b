"""The database that the admin API is measured on: many tenants, very many small zones, one large one; made by nsblast's own bulk ways.

Owns: what it holds. Never: what is asked of it (api.py). A folder that exists is whole: it is made under another name and renamed.
"""

import os
import struct
import subprocess
import sys
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from nsblast.access.changes import AccountChange, Put
from nsblast.access.records_v1 import Tenant
from nsblast.backend.store import open_for_command
from nsblast.records import name_from_text
from nsblast.settings import Settings
from nsblast.zones.model import ChangeSet, CreateZone, PutName, RRset
from perf_compare.zones import one_zone

BIG = "one.example."
"""The large zone, of hosts h0000000 and on."""
A, NS, CNAME, SOA, MX, TXT, AAAA = 1, 2, 5, 6, 15, 16, 28
_NS1, _NS2 = b"\x03ns1\x04host\x04test\0", b"\x03ns2\x04host\x04test\0"
_WINDOW = 4096  # changes under way


def tenant_id(number: int) -> str:
    """Of one of the tenants."""
    return str(uuid.UUID(int=number + 1))


def zone_name(number: int) -> str:
    """Of one of the small zones."""
    return f"z{number:07d}.example."


def _zone(number: int, tenants: int) -> ChangeSet:
    """Ten records; rdata are put together from octets, because a million zones are to be made in minutes."""
    apex = name_from_text(zone_name(number))
    ip, mail = _ip(number), b"\x04mail" + apex
    times = struct.pack("!5I", 1, 7200, 3600, 1209600, 300)
    at_apex = (
        RRset(SOA, 3600, (_NS1 + b"\x0ahostmaster" + apex + times,)),
        RRset(NS, 3600, (_NS1, _NS2)),
        RRset(A, 3600, (ip,)),
        RRset(MX, 3600, (b"\0\x0a" + mail,)),
        RRset(TXT, 3600, (b"\x0bv=spf1 -all",)),
    )
    puts = (
        PutName(apex, at_apex),
        PutName(b"\x03www" + apex, (RRset(A, 3600, (ip,)), RRset(AAAA, 3600, (b"\x20\x01\x0d\xb8" + ip * 3,)))),
        PutName(mail, (RRset(A, 3600, (_ip(number + 1),)),)),
        PutName(b"\x03ftp" + apex, (RRset(CNAME, 3600, (b"\x03www" + apex,)),)),
    )
    return ChangeSet(apex, (CreateZone(tenant=tenant_id(number % tenants)), *puts), actor="made")


def _ip(number: int) -> bytes:
    return (10 << 24 | number & 0xFFFFFF).to_bytes(4, "big")


def _changes(zones: int, tenants: int) -> Iterator[Any]:
    for start in range(0, tenants, 500):
        numbers = range(start, min(tenants, start + 500))
        yield AccountChange(tuple(Put(Tenant(id=tenant_id(one), name=f"tenant{one}")) for one in numbers))
    for number in range(zones):
        yield _zone(number, tenants)


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
    under_way: deque[Future[Any]] = deque()
    try:
        for change in _changes(zones, tenants):
            under_way.append(backend.submit(change))
            if len(under_way) >= _WINDOW:
                under_way.popleft().result()
        for one in under_way:
            one.result()
    finally:
        backend.close()
    file = one_zone(folder, names)[0][1]
    command = [sys.executable, "-m", "nsblast", "zone", "import", str(file), "-d", str(unfinished)]
    subprocess.run(command, check=True, env=os.environ, stdout=subprocess.DEVNULL)
    unfinished.rename(made)
    return made
