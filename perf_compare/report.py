"""One run's results as a Markdown page: what was measured, the targets, the charts, a table a piece."""

from typing import Any

from perf_compare.statistics import middle, ratios, spread, values

UNITS = {"hosting": "zones", "nxdomain-zones": "zones", "start-zones": "zones", "referral": "delegations"}
LOADS = {
    "udp": "UDP",
    "udp-many": "UDP, each query from another address",
    "dnsperf": "UDP by dnsperf",
    "tcp": "TCP, persistent and pipelined",
    "tcp-each": "TCP, a connection each",
}


def title(result: dict[str, Any]) -> str:
    """A piece in words."""
    name, load = result["name"], result["load"]
    unit = UNITS.get(name, "records" if name == "import" else "names")
    return f"{name}, {result['size']:,} {unit}" + (f", {LOADS[load]}" if load != "udp" else "")


def rate_table(result: dict[str, Any]) -> list[str]:
    """Of a piece that measures answers a second."""
    rounds, servers = result["rounds"], result["servers"]
    lines = [
        "| server | answers/s | ÷ Knot | CPU µs/answer | ÷ floor | loss | client busy | p50 µs | p99 µs | p999 µs | start s | RSS MiB | PSS MiB |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, one in servers.items():
        late = one.get("latency_us", {})
        rate, cpu, loss, client = (values(rounds, name, field) for field in ("rate", "cpu_us", "loss", "client"))
        lines.append(
            f"| {name} | {spread(rate, '{:,.0f}')} | {spread(ratios(rounds, 'rate', name, 'knot'))} | {spread(cpu)} | "
            f"{spread(ratios(rounds, 'cpu_us', name, 'echo'))} | {middle(loss):.2%} | {middle(client):.0%} | "
            f"{late.get('p50', 0):.0f} | {late.get('p99', 0):.0f} | {late.get('p999', 0):.0f} | {one['start_seconds']:.2f} | "
            f"{one['memory']['rss'] / 2**20:,.0f} | {one['memory']['pss'] / 2**20:,.0f} |"
        )
    for name in servers:
        hot = ratios(rounds, "rate", name, name, "hot_rate")
        if hot:
            lines += ["", f"{name}: {spread(hot)} × its rate on hot names in the same rounds."]
    return lines


def figures_table(result: dict[str, Any]) -> list[str]:
    """Of any other piece: a column a server, a row a figure; what a round measured first, then what was measured once."""
    rounds, servers = result["rounds"], result["servers"]
    names = list(servers)
    fields = list(dict.fromkeys(field for one in rounds for figures in one.values() for field in figures))
    once = list(dict.fromkeys(field for figures in servers.values() for field in figures if field not in fields))
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for field in fields:
        cells = [spread(values(rounds, name, field), "{:,.4g}") for name in names]
        lines.append(f"| {field.replace('_', ' ')} | " + " | ".join(cells) + " |")
    for field in once:
        cells = [f"{servers[name][field]:,.4g}" if field in servers[name] else "–" for name in names]
        lines.append(f"| {field.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return lines


def section(result: dict[str, Any]) -> str:
    """One piece's part of the page."""
    rated = any("rate" in figures and "cpu_us" in figures for one in result["rounds"] for figures in one.values())
    table = rate_table(result) if rated and result["servers"] else figures_table(result)
    options = result["options"]
    note = f"{options['rounds']} rounds of {options['seconds']:g} s; {result['date']}"
    return f"### {title(result)}\n\n{note}\n\n" + "\n".join(table) + "\n"


def heading(results: list[dict[str, Any]]) -> str:
    """What it was measured on."""
    machine = results[0]["machine"]
    versions: dict[str, str] = {}
    for result in results:
        versions |= result["versions"]
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        f"{machine['cpu']}, {machine['cpus']} processors, Linux {machine['kernel']}, Python {machine['python']}. {said}. "
        "One worker on processor 0, the load on processor 1, unless a piece says otherwise. "
        "Median (least–greatest) of interleaved rounds; ratios are of one round. CPU is user and system time of the whole "
        "process tree; the floor is `echo.c`; latencies are those at half the server's own rate."
    )


def page(results: list[dict[str, Any]], targets: str, charts: list[str]) -> str:
    """The whole report."""
    shown = "".join(f"![{chart}]({chart})\n" for chart in charts)
    parts = "\n".join(section(result) for result in results)
    return f"# Whole servers side by side\n\n{heading(results)}\n\n## Targets\n\n{targets}\n\n{shown}\n## Pieces\n\n{parts}"
