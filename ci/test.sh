#!/usr/bin/env bash
# All tests, on the modules that lie in src. Arguments go to pytest: ci/test.sh tests/unit -k name
. "$(dirname "$0")/env.sh"
mkdir -p build
if [ -e tests/native/setup.py ]; then
    log=build/probe.log
    (cd tests/native && python setup.py build_ext --inplace) >"$log" 2>&1 || { tail -n 40 "$log"; exit 1; }
fi
python -m pytest --durations=15 "$@" | tee build/pytest.log
tail -n 1 build/pytest.log >build/pytest-summary.txt
