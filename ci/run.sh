#!/usr/bin/env bash
# All checks that gate, stopping at the first failure; ends with pytest's summary line.
# The sanitizers' run takes one processor for minutes and measures no time, so it goes beside the checks that measure none either.
# Needs: Debian 12 with python3, python3-venv, python3-dev and gcc, or the right to install packages.
set -euo pipefail
cd "$(dirname "$0")/.."
started=$SECONDS

step() {
    local before=$SECONDS
    say "$1"
    "$ROOT/ci/$1"
    echo "-- $1: $((SECONDS - before)) s"
}

# 77: not root. Then what is missing shows itself: a build fails, interoperability tests are skipped and say so.
[ ! -e ci/install-packages.sh ] || ci/install-packages.sh || [ $? -eq 77 ]
. ci/env.sh
step build.sh
# A group of its own, so that all of it can be ended when another check fails first.
set -m
step sanitize.sh >build/sanitize-run.log 2>&1 &
sanitizers=$!
set +m
trap 'kill -- -$sanitizers 2>/dev/null || true' EXIT
step lint.sh
step wheel.sh
step bench.sh
wait $sanitizers || { cat build/sanitize-run.log; exit 1; }
trap - EXIT
cat build/sanitize-run.log
"$ROOT/ci/clients.sh" || echo "clients.sh: their tests are skipped"
step test.sh

say "all passed in $((SECONDS - started)) s"
cat build/pytest-summary.txt
