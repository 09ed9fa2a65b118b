"""What using the program wrongly on purpose once showed, one claim each."""

import os
import time
from pathlib import Path

import dns.message
import dns.opcode
import pytest

from nsblast.control import Client
from nsblast.errors import PermissionMissing, SettingsError, UsageError, ZoneFileError
from nsblast.serve.handover import default_answer
from nsblast.settings_layers import Layers
from nsblast.store.engine import Database
from nsblast.zones.collect import read_zone
from tests.helpers.commands import nsblast
from tests.helpers.server import Server

HEAD = b"$ORIGIN e.\n$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"


def test_udp_max_that_no_engine_takes_is_refused_as_a_setting() -> None:
    """It once passed the settings and ended the workers with a traceback, of a running server too."""
    with pytest.raises(SettingsError, match="udp_max = 4097: expected at most 4096"):
        Layers(environ={}, flags={"udp_max": 4097}).load()


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ('cache_size = "512KiB"', "s.toml:1: cache_size = '512KiB': expected at least 4MiB"),
        ("catch_up = 6", "expected at most 5s"),
        ("chaos = 7", "expected true or false"),
        ("\ndns_port = = 3", "s.toml:2:12: Invalid value"),
    ],
)
def test_limits_and_places_are_told_in_the_words_of_settings(tmp_path: Path, toml: str, told: str) -> None:
    (tmp_path / "s.toml").write_text(toml)
    with pytest.raises(SettingsError) as caught:
        Layers(config=tmp_path / "s.toml", environ={}).load()
    assert told in caught.value.message


def test_a_flush_that_fails_at_closing_is_no_fault(tmp_path: Path) -> None:
    """Once `rr set` on a full disk said "a fault in nsblast" behind a change that was safe in the log."""

    class Full:
        def close(self) -> None:
            raise Exception("IO error: No space left on device")

    database = Database.primary(tmp_path / "db")
    real, database._db = database._db, Full()
    database.close()
    real.close()


@pytest.mark.parametrize(
    ("line", "column", "expected"),
    [
        (b"$GENERATE 1-300 a$ A 192.0.2.$\n", 11, "an IPv4 address"),
        (b"$GENERATE 1-2 a$ LOC $\n", 11, "rdata of type LOC"),
        (b"$GENERATE 1-3 a${0,2 A 192.0.2.1\n", 11, "a closing brace"),
        (b"x.f. A 192.0.2.1\n", 1, "a name inside the zone"),
        (b"x CNAME y\n   A 192.0.2.1\n", 0, "a CNAME record alone"),
        (b"@ SOA ns h 1 2 3 4 5 6\n", 22, "the end of the record"),
        (b"   A 192.0.2.1\nns CNAME x\n", 1, "a CNAME record alone"),
    ],
)
def test_errors_of_a_zone_file_name_a_column(tmp_path: Path, line: bytes, column: int, expected: str) -> None:
    """Errors inside $GENERATE and those of whole records named the line alone; a brace left open went unnoticed."""
    file = tmp_path / "e.zone"
    file.write_bytes(HEAD + line)
    for source in (file, HEAD + line):
        with pytest.raises(ZoneFileError) as caught:
            list(read_zone(source).entries())
        told = caught.value
        assert expected in told.expected
        assert told.line >= 6
        assert told.column == column or (column == 0 and told.column > 0)


def test_no_command_shows_the_help_as_it_is_meant_to_be_read() -> None:
    assert nsblast("zone").code == UsageError.exit_code
    assert "\n  import " in nsblast("zone").err


def test_serve_speaks_json_too(tmp_path: Path) -> None:
    done = nsblast("serve", "--json", "-d", tmp_path / "db", "--dns-endpoint", "192.0.2.1", "--dns-port", "5399")
    assert done.json["error"] == "AddressNotHere"


def test_an_unreadable_file_counts_as_an_error_of_the_check(tmp_path: Path) -> None:
    """It once said "0 errors" and failed all the same."""
    os.mkfifo(tmp_path / "x.zone")
    done = nsblast("zone", "check", tmp_path / "x.zone")
    assert done.code != 0
    assert "1 errors" in done.out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_no_wrong_usage(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    try:
        assert nsblast("zone", "list", "-d", tmp_path / "db").code == PermissionMissing.exit_code
    finally:
        tmp_path.chmod(0o700)


def test_answers_made_in_python_offer_no_more_than_the_core(tmp_path: Path) -> None:
    query = dns.message.make_query("example.", "SOA", use_edns=0)
    query.set_opcode(dns.opcode.NOTIFY)
    assert dns.message.from_wire(default_answer(query.to_wire())).payload == 1232


def test_answers_over_tcp_and_connections_are_counted(tmp_path: Path) -> None:
    """All counters of connections stood at 0, and answers over TCP were missing from those of all."""
    server = Server(tmp_path)
    try:
        server.start("--workers", "1")
        for _ in range(3):
            server.ask("example.", tcp=True)
        deadline = time.monotonic() + 5
        while True:
            with Client(server.db_path, 10) as client:
                worker = client.call("status")["processes"][1]
            if worker["connections.accepted"] == 3 or time.monotonic() > deadline:
                break
            time.sleep(0.02)
        assert worker["connections.accepted"] == 3
        assert worker["outcome.tcp.ok"] == 3
        assert worker["answers"] == worker["outcome.tcp.ok"] + worker["outcome.udp.ok"]
        assert worker["heartbeat_ns"] > 0
    finally:
        server.end()


def test_query_log_tells_times_and_counts_what_the_disk_did_not_take(tmp_path: Path) -> None:
    """Every line said latency 0, and lines that could not be written counted as written."""
    server = Server(tmp_path)
    try:
        server.start("--workers", "1", "--query-log-mode", "all")
        server.ask("example.")
        server.ask("example.", tcp=True)
        log = server.db_path / "query.log"
        deadline = time.monotonic() + 5
        while (not log.exists() or log.read_text().count("example.") < 2) and time.monotonic() < deadline:
            time.sleep(0.02)
        lines = [line for line in log.read_text().splitlines() if "example." in line]
        assert len(lines) == 2
        assert all('"latency_us":' in line and '"latency_us":0.000' not in line for line in lines)
        with Client(server.db_path, 10) as client:
            client.call("set", changes={"query_log_file": "/dev/full"})
        worker = {"log_dropped": 0}
        while worker["log_dropped"] == 0 and time.monotonic() < deadline + 5:
            server.ask("example.")
            time.sleep(0.05)
            with Client(server.db_path, 10) as client:
                worker = client.call("status")["processes"][1]
        assert worker["log_dropped"] > 0
    finally:
        server.end()
