#!/usr/bin/env bash
# All checks in order, cheapest first; stops at the first failure; ends with pytest's summary line.
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
step lint.sh
step wheel.sh
step test.sh
step sanitize.sh
step bench.sh

say "all passed in $((SECONDS - started)) s"
cat build/pytest-summary.txt
