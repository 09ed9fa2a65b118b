"""What the server tells Prometheus: names, kinds and labels of all metrics, and how they are read off the shared counters.

Owns: every metric's name and meaning, the collector over the workers' counters, segment and store. Never: HTTP, who may look.
Workers count in their slots of the shared segment, which outlive them: sums over slots never fall while the server runs, and
no process has to be asked. What control itself does (requests, commits, backups) is counted here, in one registry a process.
The number of series is bounded by the software, not by the data: no label holds a zone, a name, a client or a tenant.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

import dns.rcode
import dns.rdatatype
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from nsblast._core.stats import CONNECTIONS, OUTCOMES, TRANSFERS
from nsblast.store.statistics import Statistics

_COMMIT_TIMES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
_REQUEST_TIMES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
_LATENCY_STEPS = 25
"""Powers of two, in microseconds, told apart: up to 16.8 s."""
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_SUMS = (
    ("truncated_responses", "Answers with TC set", "truncated"),
    ("dns_received_bytes", "Octets of the requests answered", "octets_in"),
    ("dns_sent_bytes", "Octets of answers", "octets_out"),
    ("cache_hits", "Look-ups answered from the shared cache", "cache_hits"),
    ("cache_misses", "Look-ups that had to ask the store", "cache_misses"),
    ("filter_hits", "Look-ups ended by the filter: the name certainly does not exist", "filter_hits"),
    ("dns_retries", "Answers made anew because their zone changed meanwhile", "retries"),
    ("dns_batches", "Batches of UDP datagrams", "batches"),
    ("dns_send_errors", "Answers the system would not take", "send_errors"),
    ("query_log_lines", "Lines of the query log written", "log_written"),
    ("query_log_dropped", "Lines of the query log lost because its ring or the disk was full", "log_dropped"),
    ("missed_names_dropped", "Missed names not told to the writer because the ring was full", "misses_dropped"),
)
_GAUGES = {
    "entries": ("cache_entries", "Names in the shared cache, absent ones too"),
    "arena_used": ("cache_bytes", "Octets of live entries in the shared cache"),
    "arena_size": ("cache_size_bytes", "Octets the shared cache has for entries"),
    "pinned_bytes": ("cache_pinned_bytes", "Octets held until every worker has caught up"),
    "filter_names": ("filter_names", "Names in the active filter"),
}
NOTIFIES = ("sent", "answered", "refused", "failed")
"""What becomes of NOTIFYs: sent counts each message, failed each secondary that was given up."""
MESSAGES = ("update", "notify")
_NOTIFY_GAUGES = {
    "jobs": ("notifies_waiting", "Zones and secondaries to be told or that did not answer"),
    "silent": ("secondaries_silent", "Addresses of secondaries that do not answer NOTIFY"),
}
TRANSFERS_IN = ("current", "axfr", "ixfr", "failed", "expired")
"""What becomes of a look at a master, or at several; expired counts besides, once, that a zone stops being served."""
SECONDARY_STATES = ("ok", "failing", "expired", "empty")
PROPERTIES = (
    "estimate-num-keys", "estimate-live-data-size", "live-sst-files-size", "total-sst-files-size", "cur-size-all-mem-tables",
    "num-immutable-mem-table", "estimate-table-readers-mem", "block-cache-usage", "block-cache-pinned-usage",
    "estimate-pending-compaction-bytes", "num-running-compactions", "num-running-flushes", "compaction-pending",
    "mem-table-flush-pending", "is-write-stopped", "actual-delayed-write-rate", "background-errors", "num-snapshots",
    "num-live-versions", *(f"num-files-at-level{level}" for level in range(7)),
)  # fmt: skip
"""RocksDB's integer properties that are told, without their prefix `rocksdb.`."""


class Source(Protocol):
    """Where the numbers are read; control implements it."""

    def workers(self) -> Iterable[Mapping[str, int]]:
        """One map of counters for each worker slot (_core.stats)."""

    def ready(self) -> int:
        """Workers that answer now."""

    def segment(self) -> Mapping[str, int]:
        """State of cache and filter (Segment.stats)."""

    def store(self) -> Mapping[str, int]:
        """RocksDB's PROPERTIES by name; and commit, journal."""

    def statistics(self) -> Statistics:
        """RocksDB's own, of the writing process."""


class Meters:
    """What control counts itself. Thread-safe, as prometheus_client is."""

    def __init__(self, build: Mapping[str, str]) -> None:
        self.registry = CollectorRegistry()
        mine: dict[str, Any] = {"registry": self.registry}
        self._build = dict(build)
        self.started = time.time()
        self._requests = Counter(
            "nsblast_http_requests_total", "Requests of the admin API", ("route", "method", "code"), **mine
        )
        self._request_times = Histogram(
            "nsblast_http_request_duration_seconds", "Time from a request to its answer", ("route",),
            buckets=_REQUEST_TIMES, **mine,
        )  # fmt: skip
        self._commits = Counter("nsblast_commits_total", "Commits, each one synced write for many changes", **mine)
        self._changes = Counter("nsblast_changes_total", "Change-sets committed", **mine)
        self._commit_times = Histogram(
            "nsblast_commit_duration_seconds", "Time to write a commit and sync it", buckets=_COMMIT_TIMES, **mine
        )
        self._visible_times = Histogram(
            "nsblast_visible_duration_seconds", "Time from a commit's sync until every worker answers with it",
            buckets=_COMMIT_TIMES, **mine,
        )  # fmt: skip
        self._backups = Counter("nsblast_backups_total", "Backups made", ("result",), **mine)
        for result in ("ok", "failed"):
            self._backups.labels(result)
        self._notifies = Counter("nsblast_notifies_total", "NOTIFYs to secondaries", ("result",), **mine)
        self._messages = Counter(
            "nsblast_received_messages_total", "UPDATE and NOTIFY messages answered", ("kind", "rcode"), **mine
        )
        for kind in MESSAGES:
            self._messages.labels(kind, "NOERROR")
        for result in NOTIFIES:
            self._notifies.labels(result)
        self._transfers_in = Counter(
            "nsblast_transfers_in_total",
            "Looks at masters of secondary zones, by what came of them",
            ("result",),
            **mine,
        )
        for result in TRANSFERS_IN:
            self._transfers_in.labels(result)
        self._by_answer: dict[tuple[str, str, int], Any] = {}
        self._by_route: dict[str, Any] = {}

    def watch(self, source: Source) -> None:
        """Tell of the workers, the cache and the store too."""
        self.registry.register(_Shared(source, self._build, self.started))

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request was answered. route: the path's pattern, "" = none matched; so many as the software has."""
        key = (route, method if method in _METHODS else "other", status)
        counter = self._by_answer.get(key)
        if counter is None:
            counter = self._by_answer[key] = self._requests.labels(*key[:2], str(status))
            self._by_route[route] = self._request_times.labels(route)
        counter.inc()
        self._by_route[route].observe(seconds)

    def commit(self, changes: int, written: float, visible: float) -> None:
        """One commit of so many change-sets took so many seconds to be written, then to be visible."""
        self._commits.inc()
        self._changes.inc(changes)
        self._commit_times.observe(written)
        self._visible_times.observe(visible)

    def notify(self, what: str) -> None:
        """What became of a NOTIFY of ours: one of NOTIFIES."""
        self._notifies.labels(what).inc()

    def watch_notifies(self, numbers: Callable[[], Mapping[str, int]]) -> None:
        """Tell how many NOTIFYs wait, and of destinations that do not answer."""
        for member, (name, meaning) in _NOTIFY_GAUGES.items():
            gauge = Gauge(f"nsblast_{name}", meaning, registry=self.registry)
            gauge.set_function(partial(_member, numbers, member))

    def transfer_in(self, what: str) -> None:
        """What came of a look at a master: one of TRANSFERS_IN."""
        self._transfers_in.labels(what).inc()

    def watch_secondaries(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Tell how secondary zones fare (SECONDARY_STATES), and how many are looked at and transferred now."""
        self.registry.register(_Secondaries(counts))

    def message(self, kind: str, rcode: int) -> None:
        """A message was answered that control serves. kind: one of MESSAGES."""
        self._messages.labels(kind, _rcode(rcode)).inc()

    def backup(self, ok: bool) -> None:
        """A backup was made, or could not be."""
        self._backups.labels("ok" if ok else "failed").inc()


def _member(numbers: Callable[[], Mapping[str, int]], member: str) -> float:
    return numbers()[member]


class _Secondaries(Collector):
    """Secondary zones, counted when it is asked for."""

    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        """Nothing is counted to find out the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        counts = self._counts()
        zones = GaugeMetricFamily("nsblast_secondary_zones", "Secondary zones by state", labels=["state"])
        for state in SECONDARY_STATES:
            zones.add_metric([state], counts[state])
        yield zones
        yield _gauge("secondary_zones_looking", "Secondary zones whose masters are being asked", counts["looking"])
        yield _gauge("transfers_in_running", "Transfers from masters under way", counts["transferring"])


class _Shared(Collector):
    """Everything that is counted elsewhere, read when it is asked for."""

    def __init__(self, source: Source, build: Mapping[str, str], started: float) -> None:
        self._source = source
        self._build = dict(build)
        self._started = started

    def describe(self) -> Iterable[Metric]:
        """Nothing is collected to find out the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        build = GaugeMetricFamily("nsblast_build_info", "Versions of the software", labels=list(self._build))
        build.add_metric(list(self._build.values()), 1)
        yield build
        yield _gauge("start_time_seconds", "When the control process started, seconds since 1970", self._started)
        yield _gauge("workers", "DNS workers that answer now", self._source.ready())
        slots = list(self._source.workers())
        yield from _of_workers(slots)
        segment = self._source.segment()
        for member, (name, meaning) in _GAUGES.items():
            yield _gauge(name, meaning, segment.get(member, 0))
        evictions = CounterMetricFamily("nsblast_cache_evictions", "Entries dropped from the cache to make room")
        evictions.add_metric([], segment.get("evictions", 0))
        yield evictions
        yield from _of_store(self._source.store(), self._source.statistics())


def _gauge(name: str, meaning: str, value: float) -> Metric:
    family = GaugeMetricFamily(f"nsblast_{name}", meaning)
    family.add_metric([], value)
    return family


def _of_workers(slots: list[Mapping[str, int]]) -> Iterator[Metric]:
    total: dict[str, int] = {}
    for slot in slots:
        for name, value in slot.items():
            total[name] = total.get(name, 0) + value
    starts = CounterMetricFamily("nsblast_worker_starts", "Worker processes started")
    starts.add_metric([], total.get("starts", 0))
    yield starts
    requests = CounterMetricFamily(
        "nsblast_dns_requests", "Messages by what became of them", labels=["transport", "result"]
    )
    for transport in ("udp", "tcp"):
        for outcome in OUTCOMES:
            requests.add_metric([transport, outcome], total.get(f"outcome.{transport}.{outcome}", 0))
    yield requests
    yield _by_number("dns_responses", "Answers by rcode", "rcode", total, _rcode)
    yield _by_number("dns_queries", "Questions answered, by type", "qtype", total, _qtype)
    for name, meaning, member in _SUMS:
        family = CounterMetricFamily(f"nsblast_{name}", meaning)
        family.add_metric([], total.get(member, 0))
        yield family
    connections = CounterMetricFamily("nsblast_tcp_connections", "TCP connections by what happened", labels=["event"])
    for event in CONNECTIONS:
        if event != "open":
            connections.add_metric([event], total.get(f"connections.{event}", 0))
    yield connections
    yield _gauge("tcp_connections_open", "TCP connections now", total.get("connections.open", 0))
    transfers = CounterMetricFamily("nsblast_transfers_out", "Transfers to other servers by result", labels=["result"])
    for what in TRANSFERS:
        if what not in ("messages", "octets"):
            transfers.add_metric([what], total.get(f"transfers.{what}", 0))
    yield transfers
    octets = CounterMetricFamily("nsblast_transfer_out_octets", "Octets of transfers to other servers")
    octets.add_metric([], total.get("transfers.octets", 0))
    yield octets
    yield _latency(total)


def _by_number(
    name: str, meaning: str, label: str, total: Mapping[str, int], text: Callable[[int], str]
) -> CounterMetricFamily:
    """Counters `label.N`; what has no name of its own is "other"."""
    sums: dict[str, int] = {"other": total.get(f"{label}.other", 0)}
    for counter, value in total.items():
        kind, _, number = counter.partition(".")
        if kind == label and number.isdigit():
            shown = text(int(number))
            sums[shown] = sums.get(shown, 0) + value
    family = CounterMetricFamily(f"nsblast_{name}", meaning, labels=[label])
    for shown, value in sums.items():
        family.add_metric([shown], value)
    return family


def _rcode(number: int) -> str:
    shown = dns.rcode.to_text(dns.rcode.Rcode(number))
    return "other" if shown.isdigit() else shown


def _qtype(number: int) -> str:
    shown = dns.rdatatype.to_text(dns.rdatatype.RdataType(number))
    return "other" if shown.startswith("TYPE") else shown


def _latency(total: Mapping[str, int]) -> HistogramMetricFamily:
    buckets = []
    counted = 0
    for step in range(_LATENCY_STEPS):
        counted += total.get(f"latency.{1 << step}us", 0)
        buckets.append((repr((1 << step) / 1e6), counted))
    buckets.append(("+Inf", max(counted, total.get("answers", 0))))
    family = HistogramMetricFamily(
        "nsblast_request_duration_seconds",
        "Time from the receipt of a DNS message (of its batch) to its answer's sending",
    )
    family.add_metric([], buckets, total.get("latency_ns", 0) / 1e9)
    return family


def _of_store(store: Mapping[str, int], statistics: Statistics) -> Iterator[Metric]:
    yield _gauge("commit_number", "Number of the last commit", store["commit"])
    yield _gauge("journal_bytes", "Octets of change-sets kept", store["journal"])
    for name in PROPERTIES:
        if name in store:
            yield _gauge(f"rocksdb_{name.replace('-', '_')}", f"RocksDB's property {name}", store[name])
    events = CounterMetricFamily(
        "nsblast_rocksdb_events", "RocksDB's statistics of the writing process", labels=["name"]
    )
    for name, value in statistics.counts.items():
        events.add_metric([name], value)
    yield events
    timed = SummaryMetricFamily(
        "nsblast_rocksdb_distribution",
        "RocksDB's statistics of the writing process: times (micros) and sizes",
        labels=["name"],
    )
    for name, (count, total) in statistics.timed.items():
        timed.add_metric([name], count, total)
    yield timed
