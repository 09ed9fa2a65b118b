"""Results as one Markdown page."""

import statistics
from typing import Any


def middle(values: list[float]) -> float:
    """The median; 0 for none."""
    return statistics.median(values) if values else 0.0


def ratios(rounds: list[dict[str, Any]], field: str, server: str, to: str) -> list[float]:
    """server / to of each round."""
    return [one[server][field] / one[to][field] for one in rounds if server in one and to in one and one[to][field]]


def spread(values: list[float], form: str = "{:.2f}") -> str:
    """Median with least and greatest."""
    if not values:
        return "–"
    return f"{form.format(middle(values))} ({form.format(min(values))}–{form.format(max(values))})"


def table(result: dict[str, Any]) -> str:
    """One workload's table."""
    rounds, servers = result["rounds"], result["servers"]
    lines = [
        f"### {result['workload']}, {result['size']:,} {'zones' if result['workload'] == 'hosting' else 'names'}",
        "",
        "| server | answers/s | ÷ Knot | CPU µs/answer | ÷ floor | loss | p50 µs | p99 µs | p999 µs | load s | start s | RSS MiB | PSS MiB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in servers:
        rates = [one[name]["rate"] for one in rounds]
        cpu = [one[name]["cpu_us"] for one in rounds]
        loss = [one[name]["loss"] for one in rounds]
        late = servers[name].get("latency_us", {})
        lines.append(
            f"| {name} | {spread(rates, '{:,.0f}')} | {spread(ratios(rounds, 'rate', name, 'knot'))} | {spread(cpu)} | "
            f"{spread(ratios(rounds, 'cpu_us', name, 'echo'))} | {middle(loss):.2%} | {late.get('p50', 0):.0f} | {late.get('p99', 0):.0f} | "
            f"{late.get('p999', 0):.0f} | {servers[name]['load_seconds']:.2f} | {servers[name]['start_seconds']:.2f} | "
            f"{servers[name]['memory']['rss'] / 2**20:,.0f} | {servers[name]['memory']['pss'] / 2**20:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def page(results: dict[str, Any]) -> str:
    """The whole report."""
    machine = results["machine"]
    head = (
        f"# Comparison of {results['date']}\n\n{machine['cpu']}, {machine['cpus']} processors, Linux {machine['kernel']}; server on processor 0, "
        f"load on processor 1; {results['rounds']} interleaved rounds of {results['seconds']} s. Median (least–greatest). "
        "Versions: " + ", ".join(f"{name} {version}" for name, version in results["versions"].items()) + ".\n\n"
        "CPU is user and system time of the whole process tree. The floor is `echo.c`. Latencies at half the server's own rate.\n\n"
    )
    return head + "\n".join(table(result) for result in results["workloads"])
