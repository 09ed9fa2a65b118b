"""The query log of a real server: modes, filters, forms, rotation, switching, and a file that cannot be written."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nsblast.control import Client
from tests.helpers.server import Server


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


def lines(path: Path) -> list[dict[str, Any]]:
    """What was logged, but for the questions that workers ask each other's port when they start."""
    told = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in told if line["qname"] != "."]


def switch(server: Server, **changes: Any) -> None:
    with Client(server.db_path, 10) as client:
        client.call("set", changes=changes)


def test_all_logs_every_answer_of_either_transport_once(server: Server) -> None:
    server.start("--query-log-mode", "all")
    log = server.db_path / "query.log"
    for number in range(50):
        server.ask(f"q{number}.example.", tcp=number % 2 == 1)
    server.ask("example.", "AXFR", tcp=True)
    wait_for(lambda: len(lines(log)) >= 51)
    assert server.stop() == 0
    told = lines(log)
    assert len(told) == 51
    assert {line["qname"] for line in told} == {f"q{n}.example." for n in range(50)} | {"example."}
    assert {line["transport"] for line in told} == {"udp", "tcp"}
    assert {line["client"].split(".")[0] for line in told} == {"127"}
    # What is under no zone of ours: a transfer is answered by RFC 5936 2.2.1, a question by refusal.
    assert {(line["qtype"], line["rcode"]) for line in told} == {("A", "REFUSED"), ("AXFR", "NOTAUTH")}


def test_off_writes_nothing_and_can_be_switched_on_and_off(server: Server) -> None:
    server.start()
    log = server.db_path / "query.log"
    server.ask("before.example.")
    switch(server, query_log_mode="all")
    server.ask("between.example.")
    wait_for(lambda: lines(log))
    switch(server, query_log_mode="off")
    for _ in range(10):
        server.ask("after.example.")
    assert server.stop() == 0
    assert [line["qname"] for line in lines(log)] == ["between.example."]


def test_filters_of_type_rcode_and_client(server: Server) -> None:
    server.start("--query-log-mode", "all", "--query-log-types", "AAAA,MX")
    log = server.db_path / "query.log"
    for rdtype in ("A", "AAAA", "MX", "TXT"):
        server.ask("x.example.", rdtype)
    wait_for(lambda: len(lines(log)) == 2)
    switch(server, query_log_types=[], query_log_rcodes=["NXDOMAIN"])
    server.ask("nothing.example.")
    switch(server, query_log_rcodes=[], query_log_clients=["192.0.2.0/24", "2001:db8::/32"])
    server.ask("nobody.example.")
    switch(server, query_log_clients=["127.0.0.0/8"])
    server.ask("somebody.example.")
    wait_for(lambda: len(lines(log)) == 3)
    assert server.stop() == 0
    assert [(line["qname"], line["qtype"]) for line in lines(log)][2:] == [("somebody.example.", "A")]
    assert {line["qtype"] for line in lines(log)[:2]} == {"AAAA", "MX"}


def test_errors_are_what_is_neither_noerror_nor_nxdomain(server: Server) -> None:
    server.start("--query-log-mode", "errors")
    server.ask("refused.example.")
    assert server.stop() == 0
    assert [line["rcode"] for line in lines(server.db_path / "query.log")] == ["REFUSED"]


def test_sampled_logs_about_one_of_so_many(server: Server) -> None:
    server.start("--query-log-mode", "sampled", "--query-log-sample", "4")
    for _ in range(400):
        server.ask("x.example.")
    assert server.stop() == 0
    # 100 expected, standard deviation under 9.
    assert 50 < len(lines(server.db_path / "query.log")) < 150


def test_plain_lines_in_a_file_of_ones_own(server: Server) -> None:
    log = server.folder / "own.log"
    server.start("--query-log-mode", "all", "--query-log-format", "plain", "--query-log-file", str(log))
    server.ask("www.example.")
    assert server.stop() == 0
    (line,) = [line for line in log.read_text().splitlines() if " . IN SOA " not in line]
    assert re.fullmatch(r"\S+Z 127\S+ udp \d+ www\.example\. IN A REFUSED \S+ \d+ \S+us", line)


def test_rotated_file_is_opened_anew_on_sighup(server: Server) -> None:
    server.start("--query-log-mode", "all")
    log = server.db_path / "query.log"
    server.ask("one.example.")
    wait_for(lambda: lines(log))
    log.rename(server.db_path / "query.log.1")
    os.kill(server.pid, signal.SIGHUP)
    wait_for(lambda: server.events("settings taken over"))
    wait_for(log.exists)
    for _ in range(8):
        server.ask("two.example.")
    assert server.stop() == 0
    # A worker that had not yet opened the new file may still have written to the old one.
    both = lines(log) + lines(server.db_path / "query.log.1")
    assert sorted(line["qname"] for line in both) == ["one.example."] + ["two.example."] * 8
    assert lines(log)


def test_file_that_cannot_be_written_is_told_once_and_answers_go_on(server: Server) -> None:
    server.start("--query-log-mode", "all", "--query-log-file", str(server.folder / "none" / "query.log"))
    for _ in range(20):
        server.ask("www.example.")
    wait_for(lambda: server.events("query log cannot be written"))
    assert server.stop() == 0
    told = server.events("query log cannot be written")
    assert 1 <= len(told) <= 2  # one for each worker
    assert "No such file or directory" in told[0]["reason"]
