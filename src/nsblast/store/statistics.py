"""RocksDB's statistics, from the text it writes them in.

Owns: that text's form. Never: what the numbers are for (metrics.py). A line is `rocksdb.NAME COUNT : N` for something counted and
`rocksdb.NAME P50 : … COUNT : N SUM : N` for something timed or sized; other lines are passed over.
"""

from typing import NamedTuple

PREFIX = "rocksdb."


class Statistics(NamedTuple):
    """By name, without the prefix."""

    counts: dict[str, int]
    timed: dict[str, tuple[int, int]]
    """(how often, the sum: microseconds where the name says micros, else its own unit)."""


def parse(text: str) -> Statistics:
    """The numbers of one text."""
    found = Statistics({}, {})
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        words = rest.split()
        if not name.startswith(PREFIX):
            continue
        # Pairs of `WORD : number`.
        values = dict(zip(words[0::3], words[2::3], strict=False))
        count, total = values.get("COUNT", ""), values.get("SUM", "")
        if not count.isdigit():
            continue
        if total.isdigit():
            found.timed[name.removeprefix(PREFIX)] = (int(count), int(total))
        elif "SUM" not in values:
            found.counts[name.removeprefix(PREFIX)] = int(count)
    return found
