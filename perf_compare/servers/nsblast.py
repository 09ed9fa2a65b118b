"""nsblast: the zones imported first by its own command, into a database that is kept for later runs."""

import contextlib
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from nsblast.control import Client
from nsblast.errors import NsblastError
from perf_compare.servers.common import ADDRESS, Server, ServerError
from perf_compare.workloads import Workload

SOURCE = Path(__file__).resolve().parents[2] / "src/nsblast"


@functools.cache
def _made_by() -> str:
    """A mark of the source that makes databases: one made by another is not used."""
    digest = hashlib.sha256()
    for folder in ("store", "zones", "_core"):
        for path in sorted((SOURCE / folder).glob("*.p*")):
            if path.suffix in {".py", ".pyx", ".pxd"}:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def import_zones(workload: Workload, database: Path, cpus: str | None = None) -> None:
    """What an operator does once. ServerError with the command's word when it fails."""
    several = len(workload.zones) > 1
    sources = sorted({str(path.parent if several else path) for _, path in workload.zones})
    pin = ["taskset", "-c", cpus] if cpus else []
    done = subprocess.run(
        [*pin, sys.executable, "-m", "nsblast", "zone", "import", *sources, "-d", str(database)],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    if done.returncode:
        raise ServerError(f"nsblast zone import: {done.stderr.strip()[-800:]}")


def copy_file(source: str, target: str) -> None:
    """Sorted files never change and are linked; everything else is copied."""
    if source.endswith(".sst"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


class Nsblast(Server):
    """The supervisor with control and its workers."""

    name = "nsblast"
    takes_updates = True

    @property
    def database(self) -> Path:
        """Its folder."""
        return self.folder / "db"

    def prepare(self, workload: Workload) -> None:
        shutil.rmtree(self.database, ignore_errors=True)
        kept = workload.questions.parent / "nsblast" / f"{workload.key}-{_made_by()}"
        if not kept.exists():
            for old in kept.parent.glob(f"{workload.key}-*"):
                shutil.rmtree(old)
            kept.parent.mkdir(exist_ok=True)
            unfinished = kept.with_name(kept.name + ".part")
            shutil.rmtree(unfinished, ignore_errors=True)
            import_zones(workload, unfinished)
            unfinished.rename(kept)
        shutil.copytree(kept, self.database, copy_function=copy_file)

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "nsblast", "serve", "-d", str(self.database), "--dns-endpoint", ADDRESS),
            *("--dns-port", str(self.port), "--workers", str(self.choice.workers)),
            *("--cache-size", self.choice.cache, "--log-level", "warning", "--http-endpoint", ""),
            *("--allow-transfer", "127.0.0.0/8", "--allow-update", "127.0.0.0/8"),
        ]

    def status(self) -> dict[str, Any]:
        """What `nsblast status` tells. NsblastError when control cannot be asked."""
        client = Client(self.database, timeout=10)
        try:
            state: dict[str, Any] = client.call("status")
            return state
        finally:
            client.close()

    def settle(self, patience: float = 300.0) -> None:
        """The cache fills behind the first answers: wait until all is in it, or it is full, and lies on large pages."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            with contextlib.suppress(NsblastError):
                store = self.status()["store"]
                if store["settled"]:
                    return
                if store["warming_failed"]:
                    raise ServerError(f"nsblast: {store['warming_failed']}")
            time.sleep(0.2)
        raise ServerError(f"nsblast has not filled its cache within {patience:g} s")

    def counters(self) -> dict[str, int]:
        """All workers' counters added up, flat: group.name."""
        sums: dict[str, int] = {}

        def add(prefix: str, value: Any) -> None:
            if isinstance(value, dict):
                for key, inner in value.items():
                    add(f"{prefix}.{key}" if prefix else str(key), inner)
            elif isinstance(value, int) and not isinstance(value, bool):
                sums[prefix] = sums.get(prefix, 0) + value

        for process in self.status()["processes"]:
            if str(process["name"]).startswith("worker"):
                add("", process)
        return sums
