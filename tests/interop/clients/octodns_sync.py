"""octodns with octodns-bind's provider: its own manager makes a zone what a YAML file says. Run by tests/interop/test_update_clients.py.

python octodns_sync.py ADDRESS PORT KEY SECRET ZONE YAML
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from octodns.manager import Manager

address, port, key, secret, zone, yaml = sys.argv[1:]
with TemporaryDirectory() as text:
    folder = Path(text)
    (folder / "zones").mkdir()
    (folder / "zones" / f"{zone}yaml").write_text(Path(yaml).read_text())
    (folder / "config.yaml").write_text(
        f"""\
providers:
  config:
    class: octodns.provider.yaml.YamlProvider
    directory: {folder}/zones
  nsblast:
    class: octodns_bind.Rfc2136Provider
    host: {address}
    port: {port}
    key_name: {key}
    key_secret: {secret}
    key_algorithm: hmac-sha256
zones:
  {zone}:
    sources: [config]
    targets: [nsblast]
"""
    )
    print(Manager(str(folder / "config.yaml")).sync(dry_run=False, force=True))
