"""Compiles the C programs of the comparison with the system's compiler, once a run of the harness."""

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


@functools.cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="nsblast-perf-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def compiled(name: str) -> Path:
    """The program made from name.c. CalledProcessError when the compiler refuses it."""
    program = _folder() / name
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", str(program), str(HERE / f"{name}.c")], check=True)
    return program
