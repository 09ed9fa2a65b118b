"""The supervisor with pretended children: start, replace, reload, stop, fail; every process is real."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nsblast.errors import AddressInUse, PermissionMissing, StoreCorrupt, StoreLocked

FAKE = Path(__file__).with_name("fake_server.py")


def free_port() -> int:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind(("127.0.0.1", 0))
            port: int = udp.getsockname()[1]
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:  # somebody's for TCP
                continue
            return port


class Fake:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None
        (folder / "nsblast.toml").touch()

    def start(self, how: str = "", **environ: str) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, str(FAKE), str(self.folder), str(self.port)],
            env={**os.environ, "NSBLAST_TEST_HOW": how, **environ},
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.process

    def diary(self) -> list[dict[str, Any]]:
        with contextlib.suppress(FileNotFoundError):
            return [json.loads(line) for line in (self.folder / "diary").read_text().splitlines()]
        return []

    def wait(self, true: Callable[[list[dict[str, Any]]], object], seconds: float = 10) -> list[dict[str, Any]]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            diary = self.diary()
            if true(diary):
                return diary
            time.sleep(0.01)
        raise AssertionError(f"did not happen: {self.diary()}")

    def wait_ready(self) -> dict[str, int]:
        diary = self.wait(lambda d: len({e["name"] for e in d if e["event"] == "ready"}) == 3)
        return {e["name"]: e["pid"] for e in diary if e["event"] == "ready"}

    def end(self) -> tuple[int, str]:
        assert self.process is not None
        _, err = self.process.communicate(timeout=20)
        return self.process.returncode, err


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    server = Fake(tmp_path)
    yield server
    if server.process is not None and server.process.stderr is not None and not server.process.stderr.closed:
        server.process.kill()
        server.process.communicate()


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_gone(*pids: int) -> None:
    deadline = time.monotonic() + 5
    while any(map(alive, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_sigterm_ends_workers_then_control_then_all(fake: Fake) -> None:
    process = fake.start()
    pids = fake.wait_ready()
    process.terminate()
    code, _ = fake.end()
    assert code == 0
    assert [e["name"] for e in fake.diary() if e["event"] == "end"][-1] == "control"
    assert len([e for e in fake.diary() if e["event"] == "end"]) == 3
    assert not any(map(alive, pids.values()))


@pytest.mark.parametrize("name", ["worker 0", "control"])
def test_killed_child_is_replaced_at_once_and_others_stay(fake: Fake, name: str) -> None:
    process = fake.start()
    pids = fake.wait_ready()
    time.sleep(0.1)
    began = time.monotonic()
    os.kill(pids[name], signal.SIGKILL)
    fake.wait(lambda d: len([e for e in d if e["name"] == name and e["event"] == "ready"]) == 2)
    assert time.monotonic() - began < 1.0
    forgotten = [e["gone"] for e in fake.diary() if e["event"] == "forgotten"]
    assert forgotten == ([pids[name]] if name != "control" else [])
    now = {e["name"]: e["pid"] for e in fake.diary() if e["event"] == "ready"}
    assert {n for n in pids if now[n] != pids[n]} == {name}
    process.terminate()
    assert fake.end()[0] == 0


def test_children_die_with_their_supervisor(fake: Fake) -> None:
    process = fake.start()
    pids = fake.wait_ready()
    process.kill()
    wait_gone(*pids.values())


def test_start_failure_of_a_child_is_the_servers(fake: Fake) -> None:
    fake.start("corrupt")
    code, err = fake.end()
    assert code == StoreCorrupt.exit_code
    assert f"error: database {fake.folder}/db: checksum mismatch in 000012.sst" in err
    assert "Traceback" not in err


def test_crash_at_start_is_told_and_leaves_nobody_behind(fake: Fake) -> None:
    fake.start("crash")
    code, err = fake.end()
    assert code == 71
    assert "error: worker 1 ended at start: signal 11" in err
    wait_gone(*[e["pid"] for e in fake.diary()])


def test_crash_loop_backs_off_and_ends_when_the_cause_does(fake: Fake) -> None:
    process = fake.start("loop")
    pids = fake.wait_ready()
    (fake.folder / "loop").touch()
    os.kill(pids["worker 0"], signal.SIGKILL)
    time.sleep(1.2)
    (fake.folder / "loop").unlink()
    fake.wait(lambda d: len([e for e in d if e["name"] == "worker 0" and e["event"] == "ready"]) == 2)
    process.terminate()
    code, err = fake.end()
    assert code == 0
    # 0, 0.1, 0.2, 0.4, 0.8 s: a handful of tries and not hundreds.
    assert 3 <= err.count("process ended, replacing it") <= 8


def test_sighup_hands_on_live_settings_and_names_the_others(fake: Fake) -> None:
    process = fake.start()
    fake.wait_ready()
    time.sleep(0.1)
    (fake.folder / "nsblast.toml").write_text("udp_max = 777\nhttp_port = 999\n")
    process.send_signal(signal.SIGHUP)
    diary = fake.wait(lambda d: len([e for e in d if e["event"] == "settings"]) == 3)
    assert {e["udp_max"] for e in diary if e["event"] == "settings"} == {777}
    (fake.folder / "nsblast.toml").write_text("udp_max = 5\n")
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    process.terminate()
    code, err = fake.end()
    assert code == 0
    assert '"settings":["http_port"]' in err
    assert "udp_max = 5" in err
    assert len([e for e in fake.diary() if e["event"] == "settings"]) == 3


def test_control_may_switch_settings_and_stop_the_server(fake: Fake) -> None:
    fake.start("ask")
    fake.wait_ready()
    code, _ = fake.end()
    assert code == 0
    diary = fake.diary()
    assert [e["udp_max"] for e in diary if e["event"] == "settings"] == [999] * 3
    answers = [e["failed"] for e in diary if e["event"] == "answer"]
    assert answers[0] is None
    assert "workers cannot change while the server runs" in answers[1]


def test_stubborn_worker_is_ended_in_time(fake: Fake) -> None:
    (fake.folder / "nsblast.toml").write_text("stop_timeout = '300ms'\n")
    process = fake.start("stubborn")
    fake.wait_ready()
    began = time.monotonic()
    process.terminate()
    code, err = fake.end()
    assert code == 0
    assert 0.3 <= time.monotonic() - began < 5
    assert "not finished in time" in err


def test_two_servers_on_one_database_is_refused(fake: Fake, tmp_path: Path) -> None:
    process = fake.start()
    fake.wait_ready()
    second = Fake(tmp_path)
    second.start()
    code, err = second.end()
    assert code == StoreLocked.exit_code
    assert f"error: database {tmp_path}/db is in use by a server, process {process.pid}" in err
    process.terminate()
    assert fake.end()[0] == 0


@pytest.mark.parametrize("udp", [True, False])
def test_taken_port_is_named(fake: Fake, udp: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as rival:
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        rival.bind(("127.0.0.1", fake.port))
        if not udp:
            rival.listen()
        fake.start()
        code, err = fake.end()
    assert code == AddressInUse.exit_code
    assert f"error: cannot serve 127.0.0.1 port {fake.port}/{'udp' if udp else 'tcp'}: Address already in use" in err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be refused something on purpose")
def test_unreadable_folder_is_told(fake: Fake) -> None:
    (fake.folder / "db").write_text("a file where the folder should be")
    fake.start()
    code, err = fake.end()
    assert code != 0
    assert "error: cannot make database folder" in err
    assert "Traceback" not in err
    assert PermissionMissing.exit_code == 77


def test_systemd_hears_of_every_phase(fake: Fake) -> None:
    address = str(fake.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(address)
        notify.settimeout(10)
        process = fake.start(NOTIFY_SOCKET=address, WATCHDOG_USEC="400000")
        assert notify.recv(4096).decode().startswith("READY=1\n")
        beats = 0
        began = time.monotonic()
        while time.monotonic() - began < 1:
            beats += notify.recv(4096) == b"WATCHDOG=1"
        assert beats >= 4
        process.send_signal(signal.SIGHUP)
        heard = [notify.recv(4096).decode() for _ in range(6)]
        heard = [text for text in heard if text != "WATCHDOG=1"]
        assert heard[0].startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert heard[1].startswith("READY=1\n")
        process.terminate()
        assert fake.end()[0] == 0
        notify.settimeout(0)
        rest = []
        with contextlib.suppress(BlockingIOError):
            while True:
                rest.append(notify.recv(4096))
        assert b"STOPPING=1" in rest
