"""The real server as processes: started, killed in parts, stopped, reloaded. Everything over real sockets."""

import os
import pwd
import resource
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest

from nsblast import errors
from nsblast.control import Client
from tests.helpers.server import Server, alive, serving

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop privileges")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    yield one
    one.end()


def wait_for(true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Load:
    """Queries one after another from many client ports, until stopped; counts those without answer."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.asked = self.lost = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._query = dns.message.make_query("www.example.", "A").to_wire()

    def _run(self) -> None:
        while not self._stop.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(0.5)
                client.connect((self.server.address, self.server.port))
                self.asked += 1
                try:
                    client.send(self._query)
                    client.recv(4096)
                except OSError:
                    self.lost += 1

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def version(server: Server) -> str:
    query = dns.message.make_query("version.bind.", "TXT", "CH")
    return str(dns.query.udp(query, server.address, 3, server.port).answer)


def test_answers_over_udp_and_tcp_and_stops_in_order(server: Server) -> None:
    server.start()
    assert server.ask("www.example.").rcode() == dns.rcode.REFUSED
    assert server.ask("www.example.", tcp=True).rcode() == dns.rcode.REFUSED
    pids = server.pids()
    assert server.stop() == 0
    assert not any(map(alive, pids.values()))
    assert not (server.db_path / "control.sock").exists()
    assert not [line for line in server.events() if line["level"] in ("error", "warning")]


def test_every_endpoint_is_served_and_answers_leave_from_the_address_asked(tmp_path: Path) -> None:
    server = Server(tmp_path, address="0.0.0.0")
    query = dns.message.make_query("www.example.", "A")
    try:
        server.start("--dns-endpoint", "::")
        for address in ("127.0.0.1", "127.3.2.1", "::1"):
            for ask in (dns.query.udp, dns.query.tcp):
                # dnspython takes no answer that comes from another address than the one asked.
                assert ask(query, address, 3, server.port).rcode() == dns.rcode.REFUSED
    finally:
        server.end()


def test_udp_and_tcp_ports_may_differ(server: Server) -> None:
    tcp_port = server.port - 1
    server.start("--dns-tcp-port", str(tcp_port))
    assert server.ask("x.").rcode() == dns.rcode.REFUSED
    with pytest.raises(ConnectionRefusedError):
        server.ask("x.", tcp=True)
    server.port = tcp_port
    assert server.ask("x.", tcp=True).rcode() == dns.rcode.REFUSED


def test_worker_killed_under_load_is_replaced_in_under_a_second(server: Server) -> None:
    server.start()
    before = server.pids()
    with Load(server) as load:
        time.sleep(0.2)
        began = time.monotonic()
        server.kill(before["worker 0"])
        wait_for(lambda: server.status()["ready"] and server.pids()["worker 0"] != before["worker 0"])
        took = time.monotonic() - began
        time.sleep(0.2)
    after = server.pids()
    assert took < 1.0
    assert {name for name in before if before[name] != after[name]} == {"worker 0"}
    # One query is under way at a time: at most the one in the dead worker's buffer is lost.
    assert load.asked > 50
    assert load.lost <= 1
    assert server.stop() == 0


def test_control_killed_workers_answer_and_it_comes_back(server: Server) -> None:
    server.start()
    before = server.pids()
    with Load(server) as load:
        server.kill(before["control"])
        wait_for(lambda: not alive(before["control"]))
        server.wait_ready()
    after = server.pids()
    assert {name for name in before if before[name] != after[name]} == {"control"}
    assert load.asked > 50
    assert load.lost == 0
    assert server.stop() == 0


def test_supervisor_killed_takes_all_with_it_and_the_next_one_starts(server: Server) -> None:
    server.start()
    pids = server.pids()
    server.kill(server.pid)
    wait_for(lambda: not any(map(alive, pids.values())))
    server.wait_ended()
    server.start()
    assert server.ask("x.").rcode() == dns.rcode.REFUSED


@needs_root
def test_privileges_are_dropped_and_a_replacement_still_binds_port_53(open_folder: Path) -> None:
    server = Server(open_folder, port=53)
    nobody = str(pwd.getpwnam("nobody").pw_uid)

    def identity(pid: int, line: str) -> set[str]:
        status = Path(f"/proc/{pid}/status").read_text().splitlines()
        return set(next(one for one in status if one.startswith(line)).split()[1:])

    try:
        server.start("--user", "nobody")
        assert server.ask("x.").rcode() == dns.rcode.REFUSED
        before = server.pids()
        assert identity(server.pid, "Uid:") == {"0"}
        for pid in before.values():
            assert identity(pid, "Uid:") == {nobody}
            assert "0" not in identity(pid, "Gid:") | identity(pid, "Groups:")
        assert str((server.db_path / "CURRENT").stat().st_uid) == nobody
        server.kill(before["worker 1"])
        wait_for(lambda: server.status()["ready"] and server.pids()["worker 1"] != before["worker 1"])
        assert identity(server.pids()["worker 1"], "Uid:") == {nobody}
        assert all(server.ask(f"{n}.").rcode() == dns.rcode.REFUSED for n in range(20))
        # The death signal survives the change of user.
        pids = server.pids()
        server.kill(server.pid)
        wait_for(lambda: not any(map(alive, pids.values())))
    finally:
        server.end()


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that other users can reach."""
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(path.stat().st_mode | stat.S_IXOTH)
    return tmp_path


def test_sighup_takes_over_what_can_change(server: Server) -> None:
    config = server.folder / "nsblast.toml"
    config.write_text('version_text = "one"\n')
    server.start("--config", str(config))
    assert '"one"' in version(server)
    pids = server.pids()
    config.write_text('version_text = "two"\nudp_max = 600\nhttp_connections = 99\n')
    os.kill(server.pid, signal.SIGHUP)
    wait_for(lambda: server.events("settings taken over"))
    wait_for(lambda: all('"two"' in version(server) for _ in range(20)))
    assert server.pids() == pids
    assert server.events("these settings change with a restart only")[0]["settings"] == ["http_connections"]
    config.write_text("udp_maxx = 5\n")
    os.kill(server.pid, signal.SIGHUP)
    wait_for(lambda: server.events("settings not taken over"))
    assert "did you mean udp_max?" in server.events("settings not taken over")[0]["reason"]
    assert '"two"' in version(server)


def test_a_worker_that_cannot_take_settings_over_whole_is_replaced(server: Server) -> None:
    server.start()
    before = server.pids()
    _, most = resource.prlimit(before["worker 0"], resource.RLIMIT_NOFILE)
    taken = {int(number) for number in os.listdir(f"/proc/{before['worker 0']}/fd")}
    first_free = next(number for number in range(len(taken) + 1) if number not in taken)
    resource.prlimit(before["worker 0"], resource.RLIMIT_NOFILE, (first_free, most))  # no more for a new Engine's ports
    with Client(server.db_path, 10) as client:
        client.call("set", changes={"version_text": "replaced"})
    wait_for(lambda: server.status()["ready"] and server.pids()["worker 0"] != before["worker 0"])
    assert server.pids()["worker 1"] == before["worker 1"]
    assert all("replaced" in version(server) for _ in range(20))
    (ended,) = server.events("process ended, replacing it")
    assert ended["reason"] == "cannot take over settings: cannot make an event descriptor"
    assert "Traceback" not in server.text()


def test_settings_are_switched_and_the_server_stopped_over_the_control_socket(server: Server) -> None:
    server.start()
    with Client(server.db_path, 10) as client:
        client.call("set", changes={"log_level": "debug", "version_text": "switched"})
        # Every worker has it when the call returns.
        assert all("switched" in version(server) for _ in range(20))
        with pytest.raises(errors.SettingsError, match="dns_port cannot change while the server runs"):
            client.call("set", changes={"dns_port": 99})
        with pytest.raises(errors.SettingsError, match="udp_max"):
            client.call("set", changes={"udp_max": 1})
        client.call("stop")
    assert server.wait_ended() == 0


def test_log_file_is_opened_anew_on_sighup(server: Server) -> None:
    log = server.folder / "own.log"
    server.start("--log-file", str(log))
    log.rename(server.folder / "own.log.1")
    os.kill(server.pid, signal.SIGHUP)
    wait_for(lambda: log.exists() and "settings taken over" in log.read_text())
    assert server.stop() == 0
    assert "drained" in log.read_text()


def test_drain_lets_tcp_finish(server: Server) -> None:
    server.start("--tcp-query-timeout", "5s")
    query = dns.message.make_query("www.example.", "A").to_wire()
    framed = len(query).to_bytes(2, "big") + query
    with socket.create_connection((server.address, server.port), 5) as client:
        client.sendall(framed[:5])
        time.sleep(0.1)
        assert server.process is not None
        server.process.terminate()
        time.sleep(0.2)
        client.sendall(framed[5:])
        assert client.recv(4096)[2:4] == query[:2]
        assert client.recv(10) == b""
    assert server.wait_ended() == 0


def test_systemd_hands_over_sockets_and_hears_that_we_are_ready(server: Server) -> None:
    notify_path = server.folder / "notify"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        notify.bind(str(notify_path))
        notify.settimeout(20)
        udp.bind((server.address, server.port))
        tcp.bind((server.address, server.port))
        tcp.listen()
        shim = (
            "import os,sys\n"
            f"os.dup2({udp.fileno()}, 103); os.dup2({tcp.fileno()}, 104)\n"
            "os.dup2(103, 3); os.dup2(104, 4)\n"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2')\n"
            "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        )
        flags = ("-m", "nsblast", "serve", "-d", str(server.db_path), "--workers", "2", "--log-format", "json")
        flags = (*flags, "--http-endpoint", "")
        with open(server.log, "ab") as log:
            server.process = subprocess.Popen(
                [sys.executable, "-c", shim, *flags],
                stderr=log,
                pass_fds=(udp.fileno(), tcp.fileno()),
                env={**os.environ, "NOTIFY_SOCKET": str(notify_path)},
            )
        assert notify.recv(4096).decode().startswith("READY=1\n"), server.text()
        udp.close()
        tcp.close()
        before = server.pids()
        for _ in range(10):
            assert server.ask("x.").rcode() == dns.rcode.REFUSED
            assert server.ask("x.", tcp=True).rcode() == dns.rcode.REFUSED
        server.kill(before["worker 0"])
        wait_for(lambda: server.status()["ready"] and server.pids()["worker 0"] != before["worker 0"])
        assert server.ask("x.").rcode() == dns.rcode.REFUSED
        assert server.stop() == 0
        assert notify.recv(4096) == b"STOPPING=1"


def test_status_waits_tells_and_fails_clearly(server: Server) -> None:
    none = server.command("status", check=False)
    assert none.returncode == errors.NotRunning.exit_code
    assert "there is no such folder" in none.stderr
    late = server.command("status", "--wait-ready", "0.2", check=False)
    assert late.returncode == errors.TimedOut.exit_code
    assert "not ready within 0.2 s" in late.stderr
    server.start(wait=False)
    ready = server.command("status", "--wait-ready", "20")
    assert f"{server.address} port {server.port}/udp" in ready.stdout
    assert "worker 1" in ready.stdout
    assert '"ready":true' in server.command("status", "--json").stdout


def test_first_answer_comes_soon(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.ask("x.").rcode() == dns.rcode.REFUSED
        began, ready = (datetime.fromisoformat(server.events(what)[0]["timestamp"]) for what in ("starting", "ready"))
        assert (ready - began).total_seconds() < 1.0
        assert server.events("ready")[0]["process"].startswith("worker"), "control is complete behind the first answers"
