"""Wrong uses and a world in disorder: one line, the right exit code, nothing changed, never a traceback."""

import contextlib
import os
import resource
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsblast.backend import opening
from nsblast.claim import Claim
from nsblast.control import SOCKET_NAME
from tests.helpers.commands import Database, nsblast
from tests.integration.conftest import EXAMPLE


@pytest.fixture
def here(tmp_path: Path) -> Database:
    """A database with example.com., no server."""
    path = tmp_path / "start.zone"
    path.write_text(EXAMPLE)
    database = Database(tmp_path / "db")
    database.ok("zone", "import", path)
    return database


@pytest.mark.parametrize(
    "words",
    [("zone", "list"), ("zone", "export", "a"), ("zone", "delete", "a"), ("rr", "get", "a"), ("rr", "delete", "a")],
)
def test_no_database(tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = tmp_path / "nowhere"
    assert Database(folder).fails(66, *words) == f"there is no database in {folder}"
    assert not folder.exists()


def test_failed_import_into_nothing_makes_no_zone(tmp_path: Path) -> None:
    database = Database(tmp_path / "db")
    assert "there is no file" in database.fails(3, "zone", "import", tmp_path / "missing.zone")
    path = tmp_path / "bad.zone"
    path.write_text(EXAMPLE + "x A y\n")
    database.fails(65, "zone", "import", path)
    assert not (tmp_path / "db" / "CURRENT").exists(), "what was made for nothing is gone"
    assert "there is no database" in database.fails(66, "zone", "list")
    path.write_text(EXAMPLE)
    database.ok("zone", "import", path)
    path.write_text(EXAMPLE + "x A y\n")
    database.fails(65, "zone", "import", path)
    assert database.ok("zone", "list") == "example.com.\n", "what was there stays"


def test_folder_of_the_database_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("")
    assert str(tmp_path / "db") in Database(tmp_path / "db").fails(71, "zone", "list")


@pytest.mark.parametrize("name", ["user", "group"])
def test_an_account_that_is_not_there_is_told_with_its_place(tmp_path: Path, name: str) -> None:
    config = tmp_path / "nsblast.toml"
    config.write_text(
        f"\nuser = 'root'\n{name} = 'nobody-like-that'\n" if name == "group" else "\n\nuser = 'nobody-like-that'\n"
    )
    done = nsblast("config", "check", "--config", config)
    assert (done.code, done.err) == (
        78,
        f"nsblast: {config}:3: {name} = 'nobody-like-that': there is no such {name}\n",
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("zone",), 64),
        (("zone", "frobnicate"), 64),
        (("zone", "import"), 64),
        (("zone", "list", "--limit", "0"), 64),
        (("zone", "list", "--kind", "tertiary"), 64),
        (("zone", "export", "a..b"), 65),
        (("zone", "export", ""), 65),
        (("zone", "export", "x" * 64 + ".example"), 65),
        (("rr", "set", "a.example"), 64),
        (("rr", "get"), 64),
        (("zone", "list", "--config", "/nonexistent/nsblast.toml"), 78),
    ],
)
def test_wrong_use(here: Database, words: tuple[str, ...], code: int) -> None:
    done = here.run(*words)
    assert done.code == code, done
    assert done.err.count("\n") == 1, done


@pytest.mark.parametrize(
    "flags",
    [
        ("--key-files", "{}/missing.key"),
        ("--admin-password", "short"),
        ("--http-tls-certificate", "{}/missing.pem", "--http-tls-key", "{}/missing.pem"),
    ],
)
def test_a_check_of_settings_reads_what_they_name(tmp_path: Path, flags: tuple[str, ...]) -> None:
    assert nsblast("config", "check").code == 0
    done = nsblast("config", "check", *(flag.format(tmp_path) for flag in flags))
    assert done.code == 78, done
    assert done.err.count("\n") == 1, done
    assert "missing" in done.err or "admin_password" in done.err, done


def test_somebody_has_it_and_does_not_answer(here: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "WAIT", 0.2)
    claim = Claim(here.path, "server")
    try:
        for words in (("zone", "list"), ("rr", "set", "www.example.com", "A", "192.0.2.1")):
            message = here.fails(75, *words)
            assert f"database {here.path} is in use by server, process {os.getpid()}" in message
            assert "no server answers on its control socket" in message
    finally:
        claim.release()
    assert here.ok("zone", "list") == "example.com.\n"


def test_server_that_hangs(here: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "ANSWERS_WITHIN", 0.2)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(here.path / SOCKET_NAME))
        deaf.listen(1)
        assert here.fails(75, "zone", "list") == f"the server on {here.path} has not answered within 0.2 s"


def test_socket_that_a_dead_server_left(here: Database) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(here.path / SOCKET_NAME))
    assert here.ok("zone", "list") == "example.com.\n"


def test_zone_file_that_is_none(here: Database, tmp_path: Path) -> None:
    (tmp_path / "binary.zone").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "empty.zone").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.zone")
    for name in ("binary", "empty", "pipe"):
        assert str(tmp_path / f"{name}.zone") in here.fails(65, "zone", "import", tmp_path / f"{name}.zone")
    assert here.ok("zone", "list") == "example.com.\n"


def test_include_outside_the_folder(here: Database, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "x.zone").write_text(f"$INCLUDE {tmp_path}/start.zone\n")
    assert "inside" in here.fails(65, "zone", "import", inner / "x.zone")


def test_check_reports_everything(tmp_path: Path) -> None:
    path = tmp_path / "bad.zone"
    path.write_text(EXAMPLE + "www CNAME x\nb A 1.2.3\nc AAAAA ::1\n@ MX 10 missing\n")
    done = nsblast("zone", "check", path)
    assert (done.code, done.err) == (1, "")
    lines = done.out.splitlines()
    assert len(lines) >= 5
    for number in (10, 11):
        assert any(line.startswith(f"{path}:{number}:") and ": error: " in line for line in lines), done.out
    told = nsblast("zone", "check", path, "--json").json
    assert set(told) == {"files", "errors", "warnings"}
    assert told["errors"] >= 3
    assert set(told["files"][0]["problems"][0]) == {"file", "line", "column", "severity", "code", "message"}


def test_check_of_a_right_zone(tmp_path: Path) -> None:
    path = tmp_path / "good.zone"
    path.write_text(EXAMPLE)
    done = nsblast("zone", "check", path)
    assert (done.code, done.out.splitlines()[-1].split(",")[0]) == (0, "0 errors")
    assert nsblast("zone", "check", tmp_path / "missing").code == 3


def test_export_into_a_reader_that_stops(here: Database, tmp_path: Path) -> None:
    path = tmp_path / "big.zone"
    path.write_text(
        EXAMPLE.replace("example.com", "big.example") + "".join(f"n{n} A 192.0.2.1\n" for n in range(20000))
    )
    here.ok("zone", "import", path)
    command = [sys.executable, "-m", "nsblast", "zone", "export", "big.example", "-d", str(here.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 141


def test_output_keeps_its_mode_and_its_link(here: Database, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    here.ok("zone", "export", "example.com", "-o", link)
    assert link.is_symlink()
    assert target.read_text().startswith("example.com. 300 IN SOA")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """24 MiB of room there; skipped where this user cannot mount."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "nsblast-test", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("cannot mount a small file system here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def large_zone(path: Path, names: int) -> Path:
    text = "x" * 200
    with path.open("w") as file:
        file.write(EXAMPLE.replace("example.com", "big.example"))
        for number in range(names):
            file.write(f'n{number} TXT "{os.urandom(100).hex()}" "{text}"\n')
    return path


@pytest.mark.parametrize("names", [1500, 150_000], ids=["small", "large"])
def test_full_disk(tmp_path: Path, names: int) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk):
        database = Database(disk / "db")
        start = tmp_path / "start.zone"
        start.write_text(EXAMPLE)
        database.ok("zone", "import", start)
        before = database.ok("zone", "export", "example.com")
        ballast = disk / "ballast"
        if names < 10_000:
            with ballast.open("wb") as file, contextlib.suppress(OSError):
                while file.write(bytes(64 << 10)):
                    file.flush()
        done = database.run("zone", "import", large_zone(tmp_path / "big.zone", names))
        assert done.code == 74, done
        assert done.err.count("\n") == 1, done
        assert "room" in done.err or "space" in done.err, done
        ballast.unlink(missing_ok=True)
        assert database.ok("zone", "list") == "example.com.\n"
        assert database.ok("zone", "export", "example.com") == before
        database.ok("rr", "set", "new.example.com", "A", "192.0.2.1")


def test_file_size_limit(here: Database, tmp_path: Path) -> None:
    before = here.ok("zone", "export", "example.com")
    path = large_zone(tmp_path / "big.zone", 30_000)
    done = subprocess.run(
        [sys.executable, "-m", "nsblast", "zone", "import", str(path), "-d", str(here.path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20)),
    )
    assert done.returncode == 74, done
    assert done.stderr.count("\n") == 1, done
    assert here.ok("zone", "list") == "example.com.\n"
    assert here.ok("zone", "export", "example.com") == before
