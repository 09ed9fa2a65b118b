"""certbot's dns-rfc2136 plug-in: the certificate authority's part apart, what it does for a challenge. Run by tests/interop/test_update_clients.py.

python certbot_rfc2136.py ADDRESS PORT KEY SECRET NAME perform|cleanup VALUE
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from certbot import configuration
from certbot_dns_rfc2136._internal.dns_rfc2136 import Authenticator

address, port, key, secret, name, what, value = sys.argv[1:]
with TemporaryDirectory() as folder:
    credentials = Path(folder) / "credentials.ini"
    credentials.write_text(
        f"dns_rfc2136_server = {address}\ndns_rfc2136_port = {port}\ndns_rfc2136_name = {key}\n"
        f"dns_rfc2136_secret = {secret}\ndns_rfc2136_algorithm = HMAC-SHA512\ndns_rfc2136_sign_query = true\n"
    )
    credentials.chmod(0o600)

    class Given(configuration.NamespaceConfig):
        """What the command line would give."""

        def __init__(self) -> None:
            pass

        dns_rfc2136_credentials = str(credentials)
        dns_rfc2136_propagation_seconds = 0

    plugin = Authenticator(Given(), "dns_rfc2136")
    plugin._setup_credentials()
    if what == "perform":
        plugin._perform("", name, value)
    else:
        plugin._cleanup("", name, value)
