"""What can be measured. Each measure takes a Stage and a Piece and gives one result: rounds of figures by server.

A result: {"rounds": [{server: {figure: number}}], "servers": {server: {figure: number or table}}, …}.
"""

from collections.abc import Callable
from typing import Any

from perf_compare.measures import changes, flood, imports, memory, rate, start, transfer, updates, workers
from perf_compare.pieces import Piece
from perf_compare.stage import Stage
from perf_compare.workloads import WORKLOADS

Measure = Callable[[Stage, Piece], dict[str, Any]]

MEASURES: dict[str, Measure] = {
    **dict.fromkeys(WORKLOADS, rate.measure),
    "flood": flood.measure,
    "start-names": start.measure,
    "start-zones": start.measure,
    "import": imports.measure,
    "memory": memory.measure,
    "changes": changes.measure,
    "change-one": changes.measure_one,
    "transfer": transfer.measure,
    "updates": updates.measure,
    "workers": workers.measure,
}
