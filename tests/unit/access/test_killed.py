"""kill -9 while accounts change: nothing acknowledged is lost, no change is there by half."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from nsblast.access.records_v1 import Role, User
from tests.unit.access.conftest import OTHER, Place

WRITER = """
import os, sys
from pathlib import Path
from nsblast.access.changes import Delete, Put
from nsblast.access.records_v1 import Role, User
from tests.unit.access.conftest import OTHER, Place
place = Place(Path(sys.argv[1]))
if place.accounts.tenant(OTHER) is None:
    place.tenants()
number = int(sys.argv[2])
while True:
    number += 1
    role = f"r{number}"
    users = [Put(User(tenant=OTHER, name=f"{number}.{each}", roles=[role])) for each in range(5)]
    gone = [Delete(Role, f"r{number - 1}", OTHER)] if place.accounts.role(OTHER, f"r{number - 1}") else []
    place.do(Put(Role(tenant=OTHER, name=role)), *users, *gone)
    os.write(1, f"{number}\\n".encode())
"""
ROOT = Path(__file__).resolve().parents[3]


def test_killed_at_any_moment(tmp_path: Path) -> None:
    last = 0
    for lines in (1, 30, 75, 7):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "db"), str(last)],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        )
        assert writer.stdout is not None
        told = b""
        try:
            while told.count(b"\n") < lines:
                assert select.select([writer.stdout], [], [], 60)[0], told
                part = os.read(writer.stdout.fileno(), 4096)
                assert part, "the writer ended by itself"
                told += part
        finally:
            writer.send_signal(signal.SIGKILL)
            told += writer.stdout.read()
            writer.wait()
            writer.stdout.close()
        acknowledged = int(told.split()[-1])
        place = Place(tmp_path / "db")
        users = [user for user in place.accounts.users(OTHER) if user.name != "other"]
        numbers = [int(user.name.split(".")[0]) for user in users]
        last = max(numbers)
        assert last in (acknowledged, acknowledged + 1)
        assert sorted(numbers) == [number for number in range(1, last + 1) for _ in range(5)]
        assert [role.name for role in place.accounts.roles(OTHER)] == ["all", f"r{last}"]
        assert all(user.roles == ([f"r{last}"] if user.name.startswith(f"{last}.") else []) for user in users)
        told_of = {(audit.kind, audit.name) for _, audit in place.accounts.audit() if audit.after is not None}
        assert told_of >= {("user", user.name) for user in users} | {("role", f"r{last}")}
        assert isinstance(users[0], User)
        assert place.accounts.role(OTHER, f"r{last}") == Role(
            tenant=OTHER,
            name=f"r{last}",
            created=place.accounts.role(OTHER, f"r{last}").created,  # type: ignore[union-attr]
        )
        place.close()
