#!/bin/sh
# Gives a name the address that this line has now: home-address.sh NAME [ADDRESS...]
#
# Without an ADDRESS it asks ADDRESS_URL (any page that answers with the caller's address alone). Run it from cron or when the router's
# line comes up; it writes only when the address is another than the last one told.
#
# NSBLAST_URL and NSBLAST_API_KEY_FILE: as in certbot-auth.sh. The key may do A and AAAA of this name, and nothing else (docs/client.md).
set -eu
: "${NSBLAST_URL:?}" "${NSBLAST_API_KEY_FILE:=/etc/nsblast/home.key}" "${STATE:=/var/tmp/nsblast-home}"
name=${1:?usage: home-address.sh NAME [ADDRESS...]}
shift
if [ $# -eq 0 ]; then
    address=$(curl --silent --show-error --fail --max-time 30 "${ADDRESS_URL:?is not set, and no ADDRESS is given}")
    set -- "$address"
fi
addresses=
for address; do
    case $address in
        '' | *[!0-9a-fA-F.:]*) echo "home-address: '$address' is no address" >&2; exit 1 ;;
    esac
    addresses="$addresses${addresses:+, }\"$address\""
done
told="$name $addresses"
if [ -f "$STATE" ] && [ "$(cat "$STATE")" = "$told" ]; then
    exit 0
fi
key=$(cat "$NSBLAST_API_KEY_FILE")
answer=$(printf 'header = "Authorization: Bearer %s"\n' "$key" |
    curl --config - --silent --show-error --fail-with-body --max-time 30 \
        --request PATCH --header 'Content-Type: application/json' \
        --data "{\"ttl\": 60, \"a\": [$addresses]}" "$NSBLAST_URL/api/v1/rr/$name") || {
    echo "home-address: $NSBLAST_URL answered $answer" >&2
    exit 1
}
printf '%s\n' "$told" > "$STATE"
