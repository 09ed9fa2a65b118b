#!/usr/bin/env bash
# Build nsblast and serve a sample zone on 127.0.0.1, port 5300 (or $PORT), with the admin API on port 8053 (or $HTTP_PORT), until Ctrl-C.
# Needs: python3 with venv and headers, gcc. Keeps everything it makes below this folder (.venv, build).
. "$(dirname "$0")/env.sh"
PORT=${PORT:-5300}
HTTP_PORT=${HTTP_PORT:-8053}
if ! ls src/nsblast/_core/respond.*.so >/dev/null 2>&1; then
    say "building (a minute or two)"
    ci/build.sh
fi
database=build/demo-db
say "importing examples/example.com.zone"
python -m nsblast zone import examples/example.com.zone -d "$database"
cat <<TEXT

Serving example.com on 127.0.0.1 port $PORT. In another terminal:

    dig @127.0.0.1 -p $PORT www.example.com A
    dig @127.0.0.1 -p $PORT anything.apps.example.com A +tcp
    .venv/bin/python -m nsblast status -d $PWD/$database      (with PYTHONPATH=$PWD/src)

    curl -u admin:"\$(cat $PWD/$database/password.txt)" http://127.0.0.1:$HTTP_PORT/api/v1/zone

The admin API is described at http://127.0.0.1:$HTTP_PORT/api/docs. Stop with Ctrl-C.
TEXT
exec python -m nsblast serve -d "$database" --dns-endpoint 127.0.0.1 --dns-port "$PORT" --http-port "$HTTP_PORT"
