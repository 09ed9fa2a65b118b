"""The tests' way to the core's cdef functions: `from tests.native import probe`. Built here when it is missing or old."""

import importlib
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORE = HERE.parent.parent / "src" / "nsblast" / "_core"
BUILT = HERE / f"probe{sysconfig.get_config_var('EXT_SUFFIX')}"


def stale() -> bool:
    """Whether a source that probe is compiled from is newer than it."""
    if not BUILT.exists():
        return True
    sources = [HERE / "probe.pyx", HERE / "setup.py", *CORE.glob("*.pxd")]
    return any(source.stat().st_mtime > BUILT.stat().st_mtime for source in sources)


if stale():
    done = subprocess.run(
        [sys.executable, str(HERE / "setup.py"), "-q", "build_ext", "--inplace", "--force"],
        capture_output=True,
        text=True,
        env={**os.environ, "NSBLAST_BUILD": os.environ.get("NSBLAST_BUILD", "debug")},
        check=False,
    )
    if done.returncode:
        raise ImportError(f"tests/native/probe did not build:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")

probe = importlib.import_module("tests.native.probe")
