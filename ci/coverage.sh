#!/usr/bin/env bash
# Which lines of the compiled core no test of it reaches: a line-traced build in build/coverage. Slow; not part of run.sh.
# Prints a table and leaves build/coverage/htmlcov.
. "$(dirname "$0")/env.sh"
copy=build/coverage
ci/copy.sh "$copy"
cd "$copy"
export PYTHONPATH="$PWD/src" NSBLAST_BUILD=coverage
log=$ROOT/build/coverage.log
python setup.py build_ext --inplace >"$log" 2>&1 || { tail -n 40 "$log"; exit 1; }
(cd tests/native && python setup.py build_ext --inplace) >>"$log" 2>&1 || { tail -n 40 "$log"; exit 1; }
python -m coverage run -m pytest -q -p no:cacheprovider tests/unit/core tests/conformance tests/property tests/fuzz
python -m coverage html -q
python -m coverage report --include 'src/nsblast/_core/*'
