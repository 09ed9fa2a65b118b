#!/usr/bin/env bash
# ci/copy.sh FOLDER: a copy of the tree to build another flavour in. Times are kept, so that what did not change is not compiled again.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
git ls-files -co --exclude-standard -- src tests bench setup.py pyproject.toml README.md LICENSE examples |
    while read -r file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done |
    tar --create --null --files-from=- | tar --extract --directory "$1"
