"""The query log: what the filters let through, what a full ring does, and the two forms of a line."""

import ipaddress
import json
import re
import threading
import time

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsblast._core.querylog import QueryLog

TYPES = {1: "A", 28: "AAAA", 16: "TXT"}
RCODES = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED", 16: "BADVERS"}
WWW = b"\3www\7example\0"


def logging(mode: str = "all", **filters) -> QueryLog:
    log = QueryLog(types=TYPES, rcodes=RCODES)
    log.configure(mode, **filters)
    return log


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def test_off_logs_nothing() -> None:
    log = QueryLog()
    assert not log.on
    assert not log.note(qname=WWW)
    log.configure("off")
    assert not log.note(qname=WWW)
    assert (log.written, log.dropped, log.drain(), log.drain_lines()) == (0, 0, [], b"")


def test_everything_there_is_to_tell() -> None:
    log = logging()
    before = time.time_ns()
    assert log.note(
        client=packed("192.0.2.7"),
        tcp=True,
        id=77,
        qname=WWW,
        qtype=28,
        qclass=1,
        rcode=3,
        flags=0b101011,
        size=99,
        latency_ns=4567,
    )
    (record,) = log.drain()
    assert before - 10**7 <= record.pop("time_ns") <= time.time_ns()
    assert record == {
        "client": packed("192.0.2.7"), "transport": "tcp", "id": 77, "qname": WWW, "qname_text": "www.example.", "qtype": 28,
        "qclass": 1, "rcode": 3, "flags": ["aa", "tc", "cd", "do"], "size": 99, "latency_ns": 4567,
    }  # fmt: skip


def test_json_line() -> None:
    log = logging()
    log.note(client=packed("2001:db8::1"), id=5, qname=WWW, qtype=1, rcode=0, flags=5, size=60, latency_ns=12_345)
    line = log.drain_lines()
    assert line.endswith(b"}\n")
    record = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record.pop("time"))
    assert record == {
        "client": "2001:db8::1", "transport": "udp", "id": 5, "qname": "www.example.", "qclass": "IN", "qtype": "A",
        "rcode": "NOERROR", "flags": "aa,rd", "size": 60, "latency_us": 12.345,
    }  # fmt: skip


def test_plain_line() -> None:
    log = logging()
    log.note(client=packed("192.0.2.7"), id=5, qname=WWW, qtype=65280, qclass=3, rcode=4000)
    text = log.drain_lines(json=False).decode()
    assert text.split(" ", 1)[1] == "192.0.2.7 udp 5 www.example. CLASS3 TYPE65280 RCODE4000 - 0 -\n"
    log.note(qname=WWW, latency_ns=1500)
    assert log.drain_lines(json=False).endswith(b" 1.500us\n")


def test_a_time_not_taken_is_not_told_as_zero() -> None:
    log = logging()
    log.note(qname=WWW)
    assert b"latency" not in log.drain_lines()


def test_lines_written_nowhere_count_as_dropped() -> None:
    log = logging()
    log.note(qname=WWW)
    log.drain_lines()
    log.lose(1)
    assert log.dropped == 1


def test_what_is_not_known_is_a_dash() -> None:
    log = logging()
    log.note()
    log.note(client=b"12345", qname=b"\3www")
    assert log.drain_lines(json=False).count(b" - udp 0 - IN TYPE0 NOERROR - 0 -\n") == 2


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=4).filter(lambda labels: sum(map(len, labels)) < 240))
def test_any_name_survives_both_forms(labels: list[bytes]) -> None:
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    log = logging(room=16)
    assert log.note(qname=wire)
    assert log.note(qname=wire)
    assert log.note(qname=wire)
    assert dns.name.from_text(json.loads(log.drain_lines(1))["qname"]) == dns.name.Name([*labels, b""])
    assert dns.name.from_text(log.drain_lines(1, json=False).decode().split(" ")[4]) == dns.name.Name([*labels, b""])
    assert dns.name.from_text(log.drain()[0]["qname_text"]) == dns.name.Name([*labels, b""])


def test_errors_only() -> None:
    log = logging("errors")
    assert [rcode for rcode in range(40) if log.note(rcode=rcode)] == [r for r in range(40) if r not in (0, 3)]


def test_rcodes() -> None:
    log = logging(rcodes=[3, 16])
    assert [rcode for rcode in range(40) if log.note(rcode=rcode)] == [3, 16]
    log.configure("errors", rcodes=[0, 5])
    assert [rcode for rcode in range(40) if log.note(rcode=rcode)] == [5]


def test_types() -> None:
    log = logging(types=[1, 65535])
    assert [qtype for qtype in (0, 1, 2, 28, 65534, 65535) if log.note(qtype=qtype)] == [1, 65535]


@pytest.mark.parametrize(
    "network", ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.128/25", "10.1.2.129/32", "2001:db8::/33", "::/0"]
)
def test_clients(network: str) -> None:
    log = logging(clients=[network, "198.51.100.0/30"])
    for client in (
        "10.1.2.127",
        "10.1.2.129",
        "11.0.0.1",
        "198.51.100.3",
        "198.51.100.4",
        "2001:db8::1",
        "2001:db8:8000::1",
    ):
        address = ipaddress.ip_address(client)
        wanted = any(address in ipaddress.ip_network(n) for n in (network, "198.51.100.0/30"))
        assert log.note(client=address.packed) == wanted, client
    assert not log.note()


def test_one_of_n() -> None:
    log = logging("sampled", sample=10, room=100_000)
    logged = sum(log.note() for _ in range(50_000))
    assert 4500 < logged < 5500
    log.configure("sampled", sample=1)
    assert all(log.note() for _ in range(100))


def test_a_full_ring_drops_and_counts() -> None:
    log = logging(room=64)
    assert sum(log.note(id=i) for i in range(100)) == 64
    assert (log.written, log.dropped, log.waiting) == (64, 36, 64)
    assert [record["id"] for record in log.drain(10)] == list(range(10))
    assert sum(log.note(id=i) for i in range(100, 120)) == 10
    assert [record["id"] for record in log.drain()] == [*range(10, 64), *range(100, 110)]


def test_many_lines_at_once() -> None:
    log = logging(room=4096)
    wire = (b"\x3f" + b"\xff" * 63) * 3 + b"\x3d" + b"\xff" * 61 + b"\0"
    for i in range(2000):
        assert log.note(
            qname=wire, id=i, client=packed("2001:db8:1111:2222:3333:4444:5555:6666"), flags=127, rcode=4000
        )
    lines = log.drain_lines(5000).splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(range(2000))


def test_settings_that_make_no_sense() -> None:
    log = QueryLog()
    with pytest.raises(ValueError, match="mode 'loud'"):
        log.configure("loud")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sample 0"):
        log.configure("sampled", sample=0)
    with pytest.raises(ValueError, match="33 types"):
        log.configure("all", types=range(33))
    with pytest.raises(ValueError, match="expected 0 to 65535"):
        log.configure("all", types=[65536])
    with pytest.raises(ValueError, match="65 client networks"):
        log.configure("all", clients=["10.0.0.0/8"] * 65)
    with pytest.raises(ValueError, match="10.0.0.1/8"):
        log.configure("all", clients=["10.0.0.1/8"])
    with pytest.raises(ValueError, match="no mnemonic"):
        QueryLog(types={1: 'A"'})
    assert not log.on


def test_a_thread_drains_while_another_answers() -> None:
    log = logging(room=256)
    taken: list[int] = []
    stop = threading.Event()

    def drain() -> None:
        while not stop.is_set() or log.waiting:
            taken.extend(record["id"] for record in log.drain(100))

    thread = threading.Thread(target=drain)
    thread.start()
    logged = [i for i in range(30_000) if log.note(id=i, qname=WWW)]
    stop.set()
    thread.join()
    assert taken == logged
    assert log.dropped == 30_000 - len(logged)
