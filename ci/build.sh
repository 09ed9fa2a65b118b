#!/usr/bin/env bash
# The source distribution, the wheel made of it, as users get both, and its compiled modules laid into src so that everything else
# tests the very same code.
# Fails on a compiler warning in our code and on a Cython performance hint. For day-to-day work: CONTRIBUTING.md.
. "$(dirname "$0")/env.sh"
rm -rf dist
mkdir -p build dist
log=build/wheel.log
if ! { python setup.py -q sdist --dist-dir dist && python -m pip wheel dist/nsblast-*.tar.gz --no-deps --wheel-dir dist -v; } >"$log" 2>&1; then
    tail -n 60 "$log"
    exit 1
fi
python ci/hints.py "$log"
rm -f src/nsblast/_core/*.so
python - <<'PY'
import zipfile
from pathlib import Path

(wheel,) = Path("dist").glob("nsblast-*.whl")
with zipfile.ZipFile(wheel) as archive:
    modules = [name for name in archive.namelist() if name.endswith(".so")]
    archive.extractall("src", modules)
for name in modules:
    Path("src", name).chmod(0o755)
print(f"{wheel.name}: {wheel.stat().st_size // 1024} KiB, {len(modules)} compiled modules")
PY
