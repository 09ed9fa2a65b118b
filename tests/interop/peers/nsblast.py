"""nsblast itself, as its user starts it: zones imported by the command line, then `nsblast serve`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.interop.peers.common import ADDRESS, Peer, PeerError
from tests.interop.zonegen import ZoneFile

SOURCE = Path(__file__).resolve().parents[3] / "src"


class Nsblast(Peer):
    """The server under test, two workers, everything else by default."""

    name = "nsblast"
    programs = ()
    workers = 2

    def line(self, *words: str) -> list[str]:
        """The command line, by the interpreter that runs the tests."""
        return [sys.executable, "-m", "nsblast", *words]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}

    def prepare(self, zones: Sequence[ZoneFile]) -> list[str]:
        database = self.folder / "db"
        files = [str(zone.portable if zone.below_dname else zone.path) for zone in zones]
        done = subprocess.run(
            self.line("zone", "import", *files, "-d", str(database)),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise PeerError(f"nsblast zone import: {done.stderr or done.stdout}")
        serve = ["serve", "-d", str(database), "--dns-endpoint", ADDRESS, "--dns-port", str(self.port)]
        return self.line(*serve, "--workers", str(self.workers), "--http-endpoint", "")
