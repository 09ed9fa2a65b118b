"""Medians, spreads and ratios of rounds: the only arithmetic done with figures."""

import statistics
from collections.abc import Iterable
from typing import Any


def middle(values: list[float]) -> float:
    """The median; 0 for none."""
    return statistics.median(values) if values else 0.0


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of all does not exceed; 0 for none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * share * 1000) // 1000) - 1))]


def pooled(histograms: Iterable[Iterable[tuple[float, int]]], share: float) -> float:
    """The percentile of all that several runs measured, as if they had been one; 0 for none. Not the mean of their percentiles."""
    counts: dict[float, int] = {}
    for histogram in histograms:
        for value, many in histogram:
            counts[value] = counts.get(value, 0) + many
    want, seen = sum(counts.values()) * share, 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= want:
            return value
    return 0.0


def values(rounds: list[dict[str, Any]], server: str, field: str) -> list[float]:
    """A server's figure, of each round that has it."""
    return [float(one[server][field]) for one in rounds if field in one.get(server, {})]


def ratios(rounds: list[dict[str, Any]], field: str, server: str, to: str, to_field: str = "") -> list[float]:
    """server's figure / that of another server (or another figure), of each round that has both."""
    other = to_field or field
    return [
        one[server][field] / one[to][other]
        for one in rounds
        if field in one.get(server, {}) and one.get(to, {}).get(other)
    ]


def spread(found: list[float], form: str = "{:.2f}") -> str:
    """Median with least and greatest."""
    if not found:
        return "–"
    if len(found) == 1:
        return form.format(found[0])
    return f"{form.format(middle(found))} ({form.format(min(found))}–{form.format(max(found))})"
