#!/usr/bin/env bash
# The wheel of ci/build.sh, installed in a fresh environment as a user would do it, and tried there.
. "$(dirname "$0")/env.sh"
# With src on the path, pip would take what the build left there for an installed nsblast.
unset PYTHONPATH
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$PYTHON" -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet dist/nsblast-*.whl
cd "$place"
"$place/venv/bin/nsblast" version
"$place/venv/bin/python" "$ROOT/ci/smoke.py" --zone "$ROOT/examples/example.com.zone"
