#!/usr/bin/env bash
# Programs of others that speak with nsblast over dynamic update, in an environment of their own (build/clients): what they need
# must neither meet what the tests need nor be installed with it. Tests that use them are skipped where this was not run.
. "$(dirname "$0")/env.sh"
wanted="certbot-dns-rfc2136>=5,<6 octodns>=1,<2 octodns-bind>=1,<2 dns-lexicon>=3,<4"
if [ "$(cat build/clients/requirements.txt 2>/dev/null)" != "$wanted" ]; then
    rm -rf build/clients
    mkdir -p build
    "$PYTHON" -m venv build/clients
    # shellcheck disable=SC2086  # a list of words on purpose
    build/clients/bin/python -m pip install --quiet $wanted
    echo "$wanted" >build/clients/requirements.txt
fi
