"""lexicon's ddns provider. Run by tests/interop/test_update_clients.py.

python lexicon_ddns.py ADDRESS PORT KEY SECRET ZONE create|delete NAME TYPE CONTENT
It knows no port but 53, so that the port is put where it asks.
"""

import functools
import sys

import dns.query
from lexicon.client import Client
from lexicon.config import ConfigResolver

address, port, key, secret, zone, action, name, rdtype, content = sys.argv[1:]
dns.query.tcp = functools.partial(dns.query.tcp, port=int(port))
given = {
    "provider_name": "ddns",
    "domain": zone.rstrip("."),
    "ttl": 120,
    "ddns": {"auth_token": f"hmac-sha256:{key}:{secret}", "ddns_server": address, "domain": zone.rstrip(".")},
}
with Client(ConfigResolver().with_dict(given)) as operations:
    if action == "create":
        operations.create_record(rdtype, name, content)
    else:
        operations.delete_record(None, rdtype, name, content)
