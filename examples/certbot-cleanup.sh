#!/bin/sh
# certbot's DNS-01 hook: takes the challenge's TXT records away. The settings are those of certbot-auth.sh.
# certbot calls it once for each name; when the first call has taken both records of a wildcard, the second finds nothing: 404 is no failure.
set -eu
: "${NSBLAST_URL:?}" "${NSBLAST_API_KEY_FILE:=/etc/nsblast/certbot.key}" "${CERTBOT_DOMAIN:?}"

key=$(cat "$NSBLAST_API_KEY_FILE")
status=$(printf 'header = "Authorization: Bearer %s"\n' "$key" |
    curl --config - --silent --show-error --max-time 30 --output /dev/null --write-out '%{http_code}' \
        --request DELETE "$NSBLAST_URL/api/v1/rr/_acme-challenge.$CERTBOT_DOMAIN/txt")
case $status in
    200 | 404) ;;
    *) echo "certbot-cleanup: $NSBLAST_URL answered $status" >&2; exit 1 ;;
esac
