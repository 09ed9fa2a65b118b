"""What a server costs and how it answers while something large goes on.

Owns: CPU and memory of a process, the time of each answer of DNS and HTTP beside the work. Never: what is right or wrong.
"""

import os
import threading
import time
from pathlib import Path
from typing import Any

import dns.message
import dns.query

from tests.helpers.api import Api

EVERY = 0.02
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """Seconds of CPU of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> float:
    """MiB that are the process's own: shared pages are not counted."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kib = sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean:", "Private_Dirty:")))
    return kib / 1024


class Watch:
    """Asks a server all the time, from construction on; told() is what came of it."""

    def __init__(self, server: Api, zone: str, name: str) -> None:
        """zone: what HTTP asks for; empty = a page of the list. name: what DNS asks for."""
        self._server = server
        self._path = f"/zone/{zone}" if zone else "/zone?limit=1"
        self._query = dns.message.make_query(name, "SOA")
        self._pid = server.pids()["control"]
        self._times: dict[str, list[float]] = {"dns": [], "http": []}
        self._end = threading.Event()
        self._began, self._cpu, self._memory = time.monotonic(), cpu(self._pid), memory(self._pid)
        self._errors = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._server.client() as client:
            while not self._end.wait(EVERY):
                for kind in ("dns", "http"):
                    began = time.perf_counter()
                    try:
                        if kind == "dns":
                            dns.query.udp(self._query, self._server.address, 5, self._server.port)
                        else:
                            client.get(self._path).raise_for_status()
                    except Exception:
                        self._errors += 1
                    self._times[kind].append(time.perf_counter() - began)

    def told(self) -> dict[str, Any]:
        """Ends it. Seconds, MiB, and milliseconds of answers."""
        self._end.set()
        self._thread.join(30)
        found: dict[str, Any] = {
            "seconds": round(time.monotonic() - self._began, 2),
            "cpu": round(cpu(self._pid) - self._cpu, 2),
            "mib": round(memory(self._pid), 1),
            "mib_more": round(memory(self._pid) - self._memory, 1),
            "errors": self._errors,
        }
        for kind, times in self._times.items():
            ordered = sorted(times) or [0.0]
            shares = {"p50": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100], "most": ordered[-1]}
            found[kind] = {share: round(value * 1000, 1) for share, value in shares.items()}
        return found
