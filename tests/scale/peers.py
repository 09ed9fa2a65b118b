"""The other ends of tests at size: processes of this folder that speak JSON by line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Peer:
    """One running."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.ports = [int(word) for word in self._line().split()]

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def told(self, said: str = "") -> Any:
        """What it answers to a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{said}\n")
        self._process.stdin.flush()
        return json.loads(self._line())


@contextmanager
def peer(script: str, *arguments: str) -> Iterator[Peer]:
    """A script of this folder, until the end of the block."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Peer(process)
    finally:
        process.kill()
        process.communicate()
