"""Charts of a run as SVG (matplotlib, the extra `perf`): bars of medians, lines from the least to the greatest round."""

from pathlib import Path
from typing import Any

from perf_compare.report import title
from perf_compare.statistics import middle, values

COLOURS = {
    "echo": "#9e9e9e",
    "nsblast": "#1f77b4",
    "knot": "#d95f02",
    "nsd": "#1b9e77",
    "bind": "#7570b3",
    "pdns": "#a6761d",
}
KINDS = {
    "rate": ("rates.svg", "answers a second"),
    "cpu_us": ("cpu.svg", "CPU microseconds per answer, whole process tree"),
    "first_seconds": ("start.svg", "seconds from start to first right answer"),
    "records_per_second": ("import.svg", "records a second, import or load"),
    "rss_mib": ("memory.svg", "RSS in MiB, two workers"),
}


def bars(results: list[dict[str, Any]], field: str) -> list[tuple[str, list[tuple[str, float, float, float]]]]:
    """[(piece, [(server, median, least, greatest)])] of the pieces that measure this figure."""
    found = []
    for result in results:
        one = []
        for server in result["servers"]:
            measured = values(result["rounds"], server, field)
            if measured and server in COLOURS:
                one.append((server, middle(measured), min(measured), max(measured)))
        if one:
            found.append((title(result), one))
    return found


def draw(results: list[dict[str, Any]], folder: Path) -> list[str]:
    """Write the charts; their file names."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "nsblast"  # the same figures give the same file
    from matplotlib import pyplot

    written = []
    for field, (name, label) in KINDS.items():
        groups = bars(results, field)
        if not groups:
            continue
        height = sum(len(one) for _, one in groups) * 0.22 + len(groups) * 0.25 + 0.8
        figure, axes = pyplot.subplots(figsize=(9, height))
        at, ticks, shown = 0.0, [], set()
        for piece, one in groups:
            top = at
            for server, median, least, greatest in one:
                axes.barh(at, median, 0.9, color=COLOURS[server], label=None if server in shown else server)
                axes.plot([least, greatest], [at, at], color="black", linewidth=1)
                shown.add(server)
                at += 1
            ticks.append(((top + at - 1) / 2, piece))
            at += 1
        axes.set_yticks([place for place, _ in ticks], [text for _, text in ticks])
        axes.invert_yaxis()
        axes.set_xlabel(label)
        axes.legend(loc="lower right", fontsize="small")
        figure.savefig(folder / name, bbox_inches="tight", metadata={"Date": None})
        pyplot.close(figure)
        written.append(name)
    return written
