#!/usr/bin/env bash
# Fuzz for a while:  ci/fuzz.sh MINUTES [TARGET]      targets: tests/fuzz/fuzz_*.py; without one, all take equal shares.
#
# Coverage-guided with clang and atheris (Debian 12: apt-get install clang-14 libclang-rt-14-dev; then
# .venv/bin/python -m pip install atheris); without them at random, under gcc's address and undefined-behaviour sanitizers. FUZZ=plain
# takes the second way in any case. Findings go to build/fuzz/findings; put one, shortened, into tests/fuzz/corpus/TARGET with its fix.
. "$(dirname "$0")/env.sh"
minutes=${1:?usage: ci/fuzz.sh MINUTES [TARGET]}
clang=$(command -v clang || command -v clang-16 || command -v clang-14 || true)
flavour=sanitize
if [ "${FUZZ:-}" != plain ] && [ -n "$clang" ] && python -c 'import atheris' 2>/dev/null; then flavour=fuzz; fi

copy=build/fuzz/$flavour
mkdir -p "$copy"
git ls-files -co --exclude-standard -- src tests setup.py pyproject.toml README.md LICENSE |
    { grep -vE '\.(c|so)$' || true; } | while read -r file; do [ -e "$file" ] && printf '%s\0' "$file"; done |
    tar --create --null --files-from=- | tar --extract --directory "$copy"
cd "$copy"
export PYTHONPATH="$PWD/src" NSBLAST_BUILD=$flavour PYTHONMALLOC=malloc
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
options=()
if [ $flavour = fuzz ]; then
    export CC=$clang LDSHARED="$clang -shared" FUZZ_WORK=$ROOT/build/fuzz/corpus
    preload="$(python -c 'import atheris, pathlib; print(pathlib.Path(atheris.path()) / "asan_with_fuzzer.so")')"
    options=(--atheris)
else
    preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
fi
say "build $flavour"
python setup.py build_ext --inplace >"$ROOT/build/fuzz/build.log" 2>&1 || { tail -n 40 "$ROOT/build/fuzz/build.log"; exit 1; }
targets=("${@:2}")
if [ ${#targets[@]} -eq 0 ]; then
    for file in tests/fuzz/fuzz_*.py; do file=${file##*/fuzz_}; targets+=("${file%.py}"); done
fi
for target in "${targets[@]}"; do
    say "$target, $minutes minutes in ${#targets[@]} shares"
    LD_PRELOAD="$preload" python -m tests.fuzz.driver "$target" --seconds $((minutes * 60 / ${#targets[@]})) \
        --keep "$ROOT/build/fuzz/findings" "${options[@]}"
done
