"""nsblast: one worker, the zones imported first by its own command."""

import os
import shutil
import subprocess
import sys

from perf_compare.servers.common import ADDRESS, Server, ServerError
from perf_compare.zones import Workload


class Nsblast(Server):
    """The supervisor with control and one worker."""

    name = "nsblast"

    def prepare(self, workload: Workload) -> None:
        database = self.folder / "db"
        shutil.rmtree(database, ignore_errors=True)
        sources = {str(path if len(workload.zones) == 1 else path.parent) for _, path in workload.zones}
        done = subprocess.run(
            [sys.executable, "-m", "nsblast", "zone", "import", *sorted(sources), "-d", str(database)],
            capture_output=True,
            text=True,
            env=os.environ,
        )
        if done.returncode:
            raise ServerError(f"nsblast zone import: {done.stderr.strip()[-800:]}")

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "nsblast", "serve", "-d", str(self.folder / "db"), "--dns-endpoint", ADDRESS),
            *("--dns-port", str(self.port), "--workers", "1", "--cache-size", self.cache, "--log-level", "warning"),
            *("--http-endpoint", ""),
        ]
