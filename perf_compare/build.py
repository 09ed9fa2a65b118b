"""Compiles the C programs of the comparison with the system's compiler, once a run of the harness."""

import functools
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


@functools.cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="nsblast-perf-"))


@functools.cache
def compiled(name: str) -> Path:
    """The program made from name.c. CalledProcessError when the compiler refuses it."""
    program = _folder() / name
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", str(program), str(HERE / f"{name}.c")], check=True)
    return program
