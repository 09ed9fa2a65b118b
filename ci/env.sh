# Sourced by the other doors: the virtual environment they all use.
#
# .venv is made on first use and again when the dependencies in pyproject.toml change; it holds what nsblast needs at run time and for its
# development, not nsblast itself: that is found under src, through PYTHONPATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
VENV=${NSBLAST_VENV:-$ROOT/.venv}
PYTHON=${PYTHON:-python3}

say() { printf '\n== %s\n' "$*"; }

wanted=$("$PYTHON" - <<'PY'
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
print(*project["dependencies"], *extras["dev"], *extras["perf"], sep="\n")
PY
)
if [ "$(cat "$VENV/requirements.txt" 2>/dev/null)" != "$wanted" ]; then
    say "making $VENV"
    "$PYTHON" -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check $wanted
    echo "$wanted" >"$VENV/requirements.txt"
fi
export PATH="$VENV/bin:$PATH" PYTHONPATH="$ROOT/src" PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
unset NSBLAST_BUILD
if command -v ccache >/dev/null; then export CC="ccache gcc"; fi
