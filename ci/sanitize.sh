#!/usr/bin/env bash
# The core built with the address and undefined-behaviour sanitizers, in a copy of the tree, and its tests run there:
# unit tests of the core, conformance, the comparison with the slow twins, and the replay of the fuzz corpus.
# Leaks are not looked for: the interpreter keeps memory at exit on purpose.
. "$(dirname "$0")/env.sh"
copy=build/sanitize
ci/copy.sh "$copy"
cd "$copy"
export PYTHONPATH="$PWD/src" NSBLAST_BUILD=sanitize
log=$ROOT/build/sanitize.log
python setup.py build_ext --inplace >"$log" 2>&1 || { tail -n 40 "$log"; exit 1; }
if [ -e tests/native/setup.py ]; then
    (cd tests/native && python setup.py build_ext --inplace) >>"$log" 2>&1 || { tail -n 40 "$log"; exit 1; }
fi
suites=()
for suite in tests/unit/core tests/conformance tests/reference tests/property tests/fuzz; do
    if [ -n "$(find "$suite" -name 'test_*.py' -print -quit 2>/dev/null)" ]; then suites+=("$suite"); fi
done
report=$ROOT/build/sanitizer-report
rm -f "$report".*
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:strict_string_checks=1:detect_stack_use_after_return=1:log_path=$report
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:log_path=$report
libraries="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
if ! LD_PRELOAD="$libraries" PYTHONMALLOC=malloc python -m pytest -q -p no:cacheprovider --timeout 900 --capture=sys "${suites[@]}"; then
    cat "$report".* 2>/dev/null | head -n 60 || true
    exit 1
fi
