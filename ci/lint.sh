#!/usr/bin/env bash
# Form, types and spelling. Wants the compiled modules in src (ci/build.sh) for stubtest.
. "$(dirname "$0")/env.sh"
say "ruff"
ruff check .
ruff format --check .
say "mypy"
mypy
say "stubtest"
modules=()
for stub in src/nsblast/_core/*.pyi; do
    name=$(basename "$stub" .pyi)
    if [ -e "src/nsblast/_core/$name.pyx" ]; then modules+=("nsblast._core.$name"); fi
done
if [ ${#modules[@]} -gt 0 ]; then
    stubtest --concise --ignore-missing-stub --ignore-disjoint-bases --allowlist ci/stubtest-allow.txt --ignore-unused-allowlist "${modules[@]}"
fi
say "cython-lint"
cython-lint $(git ls-files -co --exclude-standard '*.pyx' '*.pxd')
say "generated pages"
python ci/reference.py --check
say "codespell"
codespell $(git ls-files -co --exclude-standard '*.py' '*.pyx' '*.pxd' '*.pyi' '*.md' '*.toml' '*.sh' '*.service')
