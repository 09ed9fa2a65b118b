#!/usr/bin/env bash
# Instructions per operation of the modules in src (ci/build.sh) against bench/baseline.json. Without valgrind: skipped, aloud.
# Arguments go to bench/count.py: ci/bench.sh --write makes a new baseline.
. "$(dirname "$0")/env.sh"
if ! command -v valgrind >/dev/null; then
    echo "bench: valgrind is not installed; nothing counted"
    exit 0
fi
python bench/count.py "$@"
