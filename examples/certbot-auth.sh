#!/bin/sh
# certbot's DNS-01 hook: puts the challenge's TXT record beside those that are there (a wildcard needs two at one name).
#
#   certbot certonly --manual --preferred-challenges dns -d example.com -d '*.example.com' \
#     --manual-auth-hook /etc/nsblast/certbot-auth.sh --manual-cleanup-hook /etc/nsblast/certbot-cleanup.sh
#
# NSBLAST_URL: the server, like https://dns.example.net:8053. NSBLAST_API_KEY_FILE: file (mode 0600) with the key; docs/client.md
# tells how to make one that can do this and nothing else. The answer comes when every DNS worker has the record: no waiting.
set -eu
: "${NSBLAST_URL:?}" "${NSBLAST_API_KEY_FILE:=/etc/nsblast/certbot.key}" "${CERTBOT_DOMAIN:?}" "${CERTBOT_VALIDATION:?}"

key=$(cat "$NSBLAST_API_KEY_FILE")
# The key comes to curl on standard input, so that it is not in the list of processes.
answer=$(printf 'header = "Authorization: Bearer %s"\n' "$key" |
    curl --config - --silent --show-error --fail-with-body --max-time 30 \
        --request PATCH --header 'Content-Type: application/json' \
        --data "{\"ttl\": 60, \"txt\": [\"$CERTBOT_VALIDATION\"]}" \
        "$NSBLAST_URL/api/v1/rr/_acme-challenge.$CERTBOT_DOMAIN?append=true") || {
    echo "certbot-auth: $NSBLAST_URL answered $answer" >&2
    exit 1
}
