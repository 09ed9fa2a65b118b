#!/bin/sh
# Installs the Debian packages that building and testing need. Quiet, idempotent, for root.
# The name servers among them are only test peers: their packages must not start daemons, so a
# policy-rc.d that says "no" (exit 101) stands for the time of the installation and is then taken back.
set -eu

PACKAGES="
    build-essential ccache python3-dev python3-venv
    curl openssl
    bind9 bind9-dnsutils bind9-utils
    knot knot-dnsutils
    nsd
    pdns-server pdns-backend-bind pdns-backend-lmdb
    ldnsutils dnsperf faketime
    prometheus
    valgrind
    "
# DNS flamethrower (command `flame`) is in no Debian package: Debian's package of that name is a multicast file tool.
# The test that uses it runs where somebody built it, and is skipped elsewhere.

missing=""
for package in $PACKAGES; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "install-packages: all packages are installed"
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "install-packages: root is needed to install:$missing" >&2
    exit 77
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
kept=""
if [ -e "$policy" ]; then
    kept=$(mktemp)
    cp -p "$policy" "$kept"
fi
clean_up() {
    if [ -n "$kept" ]; then cp -p "$kept" "$policy" && rm -f "$kept"; else rm -f "$policy"; fi
    rm -f "$log"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
run() {
    "$@" >"$log" 2>&1 </dev/null || {
        echo "install-packages: failed: $*" >&2
        tail -n 30 "$log" >&2
        exit 1
    }
}
run apt-get update
# shellcheck disable=SC2086  # a list of words on purpose
run apt-get install -y --no-install-recommends $missing
echo "install-packages: installed$missing"
