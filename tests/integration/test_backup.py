"""Backups of a real server: made while it answers and takes changes, killed half-way, restored, scheduled."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.helpers.server import Server, alive, serving


def zone_file(folder: Path, names: int, zone: str = "example.com") -> Path:
    """A master file of so many addresses."""
    path = folder / f"{zone}.zone"
    hosts = "".join(f"h{number} A 192.0.{number >> 8 & 255}.{number & 255}\n" for number in range(names))
    path.write_text(
        f"$ORIGIN {zone}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n{hosts}"
    )
    return path


def exported(server: Server, zone: str = "example.com") -> str:
    return server.command("zone", "export", zone).stdout


def backups(server: Server) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(server.command("backup", "list", "--json").stdout)["backups"]
    return found


def test_back_up_change_restore(tmp_path: Path) -> None:
    with serving(tmp_path, workers=1) as server:
        server.command("zone", "import", str(zone_file(tmp_path, 300)))
        before = exported(server)
        made = json.loads(server.command("backup", "create", "--comment", "first", "--json").stdout)
        assert (made["id"], made["comment"]) == (1, "first")
        server.command("rr", "set", "new.example.com", "A", "192.0.2.99")
        server.command("zone", "import", str(zone_file(tmp_path, 5, "example.net")))
        assert "is whole: 1 zones, 302 names" in server.command("backup", "verify", "1").stdout
        assert server.ask("new.example.com").answer

        refused = server.command("backup", "restore", "1", check=False)
        assert (refused.returncode, refused.stdout) == (75, "")
        assert "stop it before a backup is restored" in refused.stderr
        assert server.ask("new.example.com").answer

        assert server.stop() == 0
        told = server.command("backup", "restore", "latest").stdout
        assert "backup 1 of" in told
        kept = Path(told.rstrip().rsplit(" ", 1)[1])
        server.start()
        assert exported(server) == before
        assert not server.ask("new.example.com").answer
        assert server.ask("h299.example.com").answer
        assert server.ask("h1.example.net").rcode() == 5  # REFUSED: there is no such zone any more
        server.command("rr", "set", "again.example.com", "A", "192.0.2.98")
        assert server.ask("again.example.com").answer
        assert server.stop() == 0

        # The old database is one itself.
        shown = subprocess.run(
            [sys.executable, "-m", "nsblast", "zone", "list", "-d", str(kept)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout.split() == ["example.com.", "example.net."]


def test_commands_without_a_server(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.command("zone", "import", str(zone_file(tmp_path, 3)))
    for number in (1, 2, 3):
        assert f"backup {number} made" in server.command("backup", "create").stdout
    assert server.command("backup", "keep", "2").stdout == "backup 1 deleted\n"
    assert server.command("backup", "delete", "2").stdout == "backup 2 deleted\n"
    assert [one["id"] for one in backups(server)] == [3]
    assert "is whole" in server.command("backup", "verify", "latest").stdout
    missing = server.command("backup", "verify", "9", check=False)
    assert missing.returncode == 3
    assert missing.stderr == f"nsblast: there is no backup 9 in {server.db_path / 'backups'}\n"


def test_killed_half_way(tmp_path: Path) -> None:
    """kill -9 of control at any moment of a backup: no half one, no garbage, the next one works."""
    chance = random.Random(4)
    with serving(tmp_path, workers=1) as server:
        server.command("zone", "import", str(zone_file(tmp_path, 4000)))
        for turn in range(6):
            server.command("rr", "set", f"t{turn}.example.com", "A", "192.0.2.99")
            pid = server.pids()["control"]
            command = subprocess.Popen(
                [sys.executable, "-m", "nsblast", "backup", "create", "-d", str(server.db_path)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            checkpoints, began = server.db_path / "checkpoints", time.monotonic()
            while not (checkpoints.is_dir() and any(checkpoints.iterdir())) and time.monotonic() - began < 3:
                time.sleep(0.0005)
            time.sleep(chance.random() * 0.02)
            server.kill(pid)
            command.wait(30)
            while alive(pid):
                time.sleep(0.01)
            server.wait_ready()
            assert server.ask(f"t{turn}.example.com").answer
        made = json.loads(server.command("backup", "create", "--json").stdout)
        folder = server.db_path / "backups"
        for one in backups(server):
            server.command("backup", "verify", str(one["id"]))
        names = {
            file["sha256"]
            for path in (folder / "manifests").iterdir()
            for file in json.loads(path.read_bytes())["manifest"]["files"]
        }
        assert {path.name for path in (folder / "files").iterdir()} == names
        assert not list((folder / "work").iterdir())
        assert not (server.db_path / "checkpoints").exists() or not os.listdir(server.db_path / "checkpoints")
        assert made["id"] == backups(server)[-1]["id"]


def test_schedule(tmp_path: Path) -> None:
    with serving(tmp_path, "--backup-every", "400ms", "--backup-keep", "2", workers=1) as server:
        server.command("zone", "import", str(zone_file(tmp_path, 3)))
        deadline = time.monotonic() + 20
        while (time.monotonic() < deadline and not (found := backups(server))) or found[-1]["id"] < 4:
            time.sleep(0.1)
        ids = [one["id"] for one in found]
        assert len(ids) in (2, 3), ids  # 3 between making one and removing another
        assert {one["comment"] for one in found} == {"scheduled"}
        assert not [line for line in server.events() if line["level"] == "error"]
