"""Results on disk: a folder a run, in it pieces/PIECE.json, written whole when the piece is done, so that a run can go on."""

import datetime
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from perf_compare.pieces import Piece

RESULTS = Path(__file__).parent / "results"
ROOT = Path(__file__).parents[1]
PACKAGES = {"knot": "knot", "nsd": "nsd", "bind": "bind9", "pdns": "pdns-server"}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), platform.machine())
    return {"cpu": cpu, "cpus": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()
    except OSError:
        return ""


def versions(names: list[str]) -> dict[str, str]:
    """Package versions of the servers, and the commit of ours."""
    found = {name: _said("dpkg-query", "-W", "-f", "${Version}", PACKAGES[name]) for name in names if name in PACKAGES}
    if "nsblast" in names:
        changed = "+" if _said("git", "status", "--porcelain", "--untracked-files=no", "src") else ""
        found["nsblast"] = (_said("git", "rev-parse", "--short=10", "HEAD") or "without git") + changed
    return {name: version or "?" for name, version in found.items()}


def save(folder: Path, piece: Piece, result: dict[str, Any], options: dict[str, Any]) -> Path:
    """Write one piece's result with what is to be known of it."""
    servers = sorted({name.split()[0] for name in result["servers"]})
    whole = {
        "piece": str(piece),
        "name": piece.name,
        "size": piece.size,
        "load": piece.load,
        "date": datetime.datetime.now(tz=datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "versions": versions(servers),
        "options": options,
        **result,
    }
    place = folder / "pieces"
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{piece.stem}.json"
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(whole, indent=1) + "\n")
    unfinished.rename(path)
    return path


def load(folder: Path, order: list[Piece]) -> list[dict[str, Any]]:
    """All results there are, those of the plan first and in its order."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted((folder / "pieces").glob("*.json"))}
    planned = [found.pop(piece.stem) for piece in order if piece.stem in found]
    return planned + list(found.values())
