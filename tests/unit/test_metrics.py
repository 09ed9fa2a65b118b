"""metrics: what Prometheus reads, from counters made by hand."""

from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from nsblast.metrics import PROPERTIES, Meters
from nsblast.store.statistics import Statistics, parse


class Source:
    """Two workers with a few answers each."""

    def workers(self) -> list[Mapping[str, int]]:
        one = {
            "outcome.udp.found": 5, "outcome.tcp.nxdomain": 1, "rcode.0": 5, "rcode.3": 1, "rcode.16": 2, "rcode.other": 4,
            "rcode.30": 3, "qtype.1": 5, "qtype.252": 1, "qtype.262": 7, "qtype.200": 2, "qtype.other": 3, "starts": 2,
            "latency.1us": 1, "latency.4us": 4, "latency.more": 1, "latency_ns": 2_000_000, "answers": 6, "truncated": 2,
            "connections.accepted": 9, "connections.open": 3,
        }  # fmt: skip
        return [one, one]

    def ready(self) -> int:
        return 2

    def segment(self) -> Mapping[str, int]:
        return {"entries": 10, "arena_used": 1000, "evictions": 4}

    def store(self) -> Mapping[str, int]:
        return {"commit": 77, "journal": 500, "estimate-num-keys": 12}

    def statistics(self) -> Statistics:
        return Statistics({"number.keys.read": 3}, {"db.get.micros": (2, 9)})


@pytest.fixture
def samples() -> dict[tuple[str, ...], float]:
    """Every sample by name and its labels' values, in the order of the labels' names."""
    meters = Meters({"version": "1"})
    meters.watch(Source())
    meters.request("/api/v1/zone", "GET", 200, 0.002)
    meters.request("/api/v1/zone", "GET", 200, 0.02)
    meters.request("", "BREW", 405, 0.001)
    meters.commit(32, 0.003, 0.0001)
    meters.backup(True)
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(generate_latest(meters.registry).decode()):
        for sample in family.samples:
            found[sample.name, *(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def test_counters_of_all_workers_are_added_up(samples: dict[tuple[str, ...], float]) -> None:
    assert samples["nsblast_dns_requests_total", "found", "udp"] == 10
    assert samples["nsblast_dns_requests_total", "nxdomain", "tcp"] == 2
    assert samples["nsblast_dns_requests_total", "found", "tcp"] == 0
    assert samples["nsblast_truncated_responses_total",] == 4
    assert samples["nsblast_tcp_connections_open",] == 6
    assert samples["nsblast_worker_starts_total",] == 4


def test_numbers_have_their_names_and_the_nameless_are_one_series(samples: dict[tuple[str, ...], float]) -> None:
    assert samples["nsblast_dns_responses_total", "NXDOMAIN"] == 2
    assert samples["nsblast_dns_responses_total", "BADVERS"] == 4
    assert samples["nsblast_dns_responses_total", "other"] == 14
    assert samples["nsblast_dns_queries_total", "A"] == 10
    assert samples["nsblast_dns_queries_total", "AXFR"] == 2
    assert samples["nsblast_dns_queries_total", "other"] == 10


def test_the_histogram_adds_up(samples: dict[tuple[str, ...], float]) -> None:
    assert samples["nsblast_request_duration_seconds_bucket", "1e-06"] == 2
    assert samples["nsblast_request_duration_seconds_bucket", "2e-06"] == 2
    assert samples["nsblast_request_duration_seconds_bucket", "4e-06"] == 10
    assert samples["nsblast_request_duration_seconds_bucket", "+Inf"] == 12
    assert samples["nsblast_request_duration_seconds_count",] == 12
    assert samples["nsblast_request_duration_seconds_sum",] == pytest.approx(0.004)


def test_control_counts_what_it_does_itself(samples: dict[tuple[str, ...], float]) -> None:
    assert samples["nsblast_http_requests_total", "200", "GET", "/api/v1/zone"] == 2
    assert samples["nsblast_http_requests_total", "405", "other", ""] == 1, (
        "a method of the client's invention makes no series"
    )
    assert samples["nsblast_http_request_duration_seconds_bucket", "0.005", "/api/v1/zone"] == 1
    assert samples["nsblast_commits_total",] == 1
    assert samples["nsblast_changes_total",] == 32
    assert samples["nsblast_visible_duration_seconds_bucket", "0.0005"] == 1
    assert samples["nsblast_backups_total", "ok"] == 1
    assert samples["nsblast_backups_total", "failed"] == 0


def test_the_store_is_told(samples: dict[tuple[str, ...], float]) -> None:
    assert samples["nsblast_commit_number",] == 77
    assert samples["nsblast_rocksdb_estimate_num_keys",] == 12
    assert samples["nsblast_rocksdb_events_total", "number.keys.read"] == 3
    assert samples["nsblast_rocksdb_distribution_sum", "db.get.micros"] == 9
    assert samples["nsblast_build_info", "1"] == 1


def test_a_real_store_tells_every_property_and_its_statistics(tmp_path: Any) -> None:
    from nsblast.store.engine import Batch, Database

    database = Database.primary(tmp_path / "db")
    batch = Batch(raw_mode=True)
    batch.put(b"mtest", b"value")
    database.write(batch)
    missing = [name for name in PROPERTIES if not (database.property(f"rocksdb.{name}") or "").isdigit()]
    found = parse(database.statistics())
    database.close()
    assert missing == []
    assert found.counts["number.keys.written"] >= 1
    assert found.timed["db.write.micros"][0] >= 1
    assert len(found.counts) > 150


def test_lines_of_another_form_are_passed_over() -> None:
    text = "rocksdb.a COUNT : 5\nrocksdb.b P50 : 0.5 P95 : 1 COUNT : 2 SUM : 7\nrubbish\nrocksdb.c\nother.d COUNT : 1\nrocksdb.e COUNT : x\n"
    assert parse(text) == Statistics({"a": 5}, {"b": (2, 7)})
