"""Memory of the whole process tree with all names resident and two workers, after questions have been answered.

rss counts a shared page in each process, pss once; own is pss without pages of files (the page cache): what the system
cannot take back. nsblast's cache is as large as the options say, so that all names are in it.
"""

from typing import Any

from perf_compare import load
from perf_compare.pieces import Piece
from perf_compare.servers.nsblast import Nsblast
from perf_compare.stage import Stage, say

WORKERS = 2


def measure(stage: Stage, piece: Piece) -> dict[str, Any]:
    """Each server once: memory has no mood."""
    work = stage.workload("uniform", piece.size)
    choices = stage.choices(piece.servers, workers=WORKERS, cpus="0,1")
    figures_of: dict[str, Any] = {}
    for server in stage.servers(work, [choice for choice in choices if choice.server != "echo"]):
        load.run(server, work.questions, max(0.5, stage.options.seconds))
        memory = server.memory()
        figures: dict[str, float] = {f"{kind}_mib": octets / 2**20 for kind, octets in memory.items()}
        figures["octets_per_name"] = memory["own"] / piece.size
        if isinstance(server, Nsblast):
            cache = server.status()["cache"]
            figures["cached_names"] = cache["entries"]
            figures["cache_size_mib"] = cache["size"] / 2**20
        figures_of[server.label] = figures
        say(
            f"  {server.label}: RSS {figures['rss_mib']:,.0f}, PSS {figures['pss_mib']:,.0f}, own {figures['own_mib']:,.0f} MiB"
        )
    return {"rounds": [figures_of], "servers": {label: {} for label in figures_of}}
