"""kill -9 at any moment: nothing acknowledged is lost, nothing is there by half."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nsblast._core.rrset import unpack_entry
from nsblast.store.engine import Database
from nsblast.store.reader import StoreReader
from nsblast.zones.build import entries_of
from nsblast.zones.checks import soa_serial
from tests.unit.zones.editing import SOA, A, wire

ZONES = [wire("a."), wire("b."), wire("sub.a.")]

VICTIM = """
import sys, itertools, threading
from nsblast._core.segment import Segment
from nsblast.store.engine import Database
from nsblast.store.writer import Committer
from nsblast.zones.build import entries_of
from nsblast.zones.model import *
from nsblast.zones.replace import ZoneRules
from nsblast.store.layout import zone_key
from tests.unit.store.test_killed import ZONES
from tests.unit.zones.editing import *

database = Database.primary(sys.argv[1])
base, large = int(sys.argv[2]), sys.argv[3] == "large"
segment = Segment(Segment.create(16 << 20, 1), writer=True)
committer = Committer(database, ZoneRules(), segment=segment)
committer.start()
for apex in ZONES:
    if database.get(zone_key(apex)) is None:
        committer.apply(ChangeSet(apex, start(1, apex)))
lock = threading.Lock()

def write(apex):
    # Each change sets the same address at two names, so that a half of it would show.
    for number in itertools.count(base):
        address = number.to_bytes(4, "big")
        if large:
            rrs = [(apex, SOA, 300, soa(1)), (apex, NS, 300, wire("ns.example."))]
            rrs += [(bytes((5,)) + b"%05d" % at + apex, A, 60, address) for at in range(5200)]
            rrs += [(b"\\3one" + apex, A, 60, address), (b"\\3two" + apex, A, 60, address)]
            change = ChangeSet(apex, (ReplaceZone(entries_of(apex, rrs)),))
        else:
            change = ChangeSet(apex, (PutName(b"\\3one" + apex, a(address)), PutName(b"\\3two" + apex, a(address))))
        serial = committer.apply(change).serial
        with lock:
            print(ZONES.index(apex), number, serial, flush=True)

threads = [threading.Thread(target=write, args=(apex,), daemon=True) for apex in ZONES]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def run_and_kill(path: Path, base: int, kind: str, wait: float) -> dict[int, tuple[int, int]]:
    """The last (number, serial) each zone was told to be committed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(path), str(base), kind], stdout=subprocess.PIPE, env=environment
    )
    assert victim.stdout is not None
    assert select.select([victim.stdout], [], [], 60)[0], "the writer did not come up"
    time.sleep(wait)
    victim.send_signal(signal.SIGKILL)
    out, _ = victim.communicate(timeout=60)
    told: dict[int, tuple[int, int]] = {}
    for line in out.decode().split("\n")[:-1]:
        zone, number, serial = map(int, line.split())
        told[zone] = (number, serial)
    return told


def address(reader: StoreReader, name: bytes) -> int:
    rrsets = unpack_entry(reader.fetch(name).blob).rrsets
    return int.from_bytes(next(rrset[2][0] for rrset in rrsets if rrset[0] == A), "big")


@pytest.mark.parametrize(("kind", "rounds"), [("small", 6), ("large", 4)])
def test_killed_again_and_again(tmp_path: Path, kind: str, rounds: int) -> None:
    chance = random.Random(kind)
    path = tmp_path / "db"
    base = 1
    for _ in range(rounds):
        told = run_and_kill(path, base, kind, chance.uniform(0.0, 0.6))
        database = Database.primary(path, create=False)
        reader = StoreReader(database)
        log = dict(reader.changes())
        assert max(log, default=0) == reader.position
        for place, apex in enumerate(ZONES):
            record = reader.zone(apex)
            assert record is not None
            entries = list(reader.entries(apex))
            assert len(entries) == record.names
            rrs = []
            for owner, blob in entries:
                rrs += [(owner, t, ttl, rdata) for t, ttl, rdatas in unpack_entry(blob).rrsets for rdata in rdatas]
            assert [(e.owner, e.blob) for e in entries] == [
                (e.owner, blob) for e, (_, blob) in zip(entries, entries_of(apex, rrs), strict=True)
            ]
            soa = next(rdata for _, rrtype, _, rdata in rrs if rrtype == SOA)
            assert soa_serial(apex, soa) == record.serial
            last = list(reader.journal(apex))[-1]
            assert last[1].serial_to == record.serial
            assert last[0] == record.changed_in
            if place in told:
                number, serial = told[place]
                found = address(reader, b"\3one" + apex)
                assert found == address(reader, b"\3two" + apex)
                # One change may have been committed and not told any more.
                assert number <= found <= number + 1
                assert record.serial - serial == found - number
                base = max(base, found + 1)
        database.close()
