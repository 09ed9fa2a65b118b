"""What keeps a server from starting: one clear message, the right exit code, no traceback, nothing left behind."""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from nsblast import errors
from tests.helpers.server import Server

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to arrange the refusal")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    yield one
    one.end()


def refused(server: Server, kind: type[errors.NsblastError], words: str, mark: int = 0) -> None:
    """The server ended by itself, as it should."""
    assert server.wait_ended() == kind.exit_code, server.text()
    told = server.text()[mark:]
    assert words in told
    assert "Traceback" not in told
    assert len([line for line in told.splitlines() if line.startswith("nsblast: ")]) == 1


def test_two_servers_on_one_database(server: Server) -> None:
    server.start()
    second = Server(server.folder)
    second.log = server.folder / "second.log"
    second.start(wait=False)
    refused(second, errors.StoreLocked, f"database {server.db_path} is in use by a server, process {server.pid}")
    assert server.ask("x.").rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_taken_port_even_when_it_would_be_shared(server: Server, kind: int) -> None:
    with socket.socket(socket.AF_INET, kind) as rival:
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        rival.bind((server.address, server.port))
        if kind == socket.SOCK_STREAM:
            rival.listen()
        server.start(wait=False)
        transport = "udp" if kind == socket.SOCK_DGRAM else "tcp"
        words = f"cannot serve {server.address} port {server.port}/{transport}: Address already in use"
        refused(server, errors.AddressInUse, words)


def test_address_of_another_machine(tmp_path: Path) -> None:
    server = Server(tmp_path, address="192.0.2.1", port=5353)
    server.start(wait=False)
    refused(server, errors.AddressNotHere, "cannot serve 192.0.2.1 port 5353/udp: Cannot assign requested address")


def test_too_few_file_handles(server: Server) -> None:
    limit = (
        "import os,resource,sys\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    server.start(wait=False, prefix=(sys.executable, "-c", limit))
    refused(server, errors.TooFewFiles, "a process may open 128 files here but")


def test_soft_limit_of_file_handles_is_raised(server: Server) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("the hard limit is low here")
    limit = (
        "import os,resource,sys\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (128, {hard}))\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    server.start(prefix=(sys.executable, "-c", limit))
    assert server.ask("x.").rcode() == dns.rcode.REFUSED


def test_corrupt_store(server: Server) -> None:
    server.start()
    assert server.stop() == 0
    for path in server.db_path.glob("MANIFEST-*"):
        path.write_bytes(b"this is no manifest" * 100)
    mark = len(server.text())
    server.start(wait=False)
    refused(server, errors.StoreCorrupt, f"cannot open {server.db_path}: the database is damaged", mark)


def test_file_where_the_folder_should_be(server: Server) -> None:
    server.db_path.write_text("not a folder")
    server.start(wait=False)
    refused(server, errors.StartError, f"cannot make database folder {server.db_path}: File exists")


@needs_root
def test_port_below_1024_and_folder_without_rights(tmp_path: Path) -> None:
    unprivileged = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    probe = subprocess.run([*unprivileged, sys.executable, "-c", "import uvloop"], check=False, capture_output=True)
    if probe.returncode:
        pytest.skip("other users cannot run this interpreter")
    server = Server(tmp_path, port=53)
    server.start(wait=False, prefix=unprivileged)
    refused(server, errors.PermissionMissing, "Permission denied")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("cannot mount a small disk here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_full_disk(server: Server, small_disk: Path) -> None:
    server.db_path = small_disk / "db"
    (small_disk / "ballast").write_bytes(bytes(244 << 10))
    server.start(wait=False)
    refused(server, errors.DiskFull, str(server.db_path))


def test_unknown_setting_and_bad_value(server: Server) -> None:
    config = server.folder / "nsblast.toml"
    config.write_text("[dns]\nprot = 53\n")
    server.start("--config", str(config), wait=False)
    refused(server, errors.SettingsError, f"{config}:2: dns.prot: there is no such setting; did you mean dns_port?")
    config.write_text("\nworkers = 1000\n")
    server.workers = 0
    mark = len(server.text())
    server.start("--config", str(config), "--udp-max", "100", wait=False)
    refused(server, errors.SettingsError, "--udp-max: udp_max = '100'", mark)
