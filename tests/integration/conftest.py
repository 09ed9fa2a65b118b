"""A database for the data commands: once with the server stopped, once with it running, once asked by --url."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.api import PASSWORD, api
from tests.helpers.commands import Database
from tests.helpers.server import serving

EXAMPLE = """\
$ORIGIN example.com.
$TTL 300
@       IN SOA ns1 hostmaster 5 3600 600 86400 60
        NS ns1
ns1     A 192.0.2.1
WWW     A 192.0.2.10
a.b     TXT "hi there"
*.w     MX 10 mail.example.net.
"""


@pytest.fixture(scope="module", params=["stopped", "running", "url"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for a module's tests."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "stopped":
        yield Database(folder / "db")
        return
    if request.param == "url":
        secret = folder / "password"
        secret.touch(0o600)
        secret.write_text(f"{PASSWORD}\n")
        with api(folder, workers=1) as server:
            yield Database(server.db_path, ("--url", server.url, "--user", "admin", "--password-file", str(secret)))
        return
    with serving(folder, workers=1) as server:
        yield Database(server.db_path)
        assert server.process is not None
        assert server.process.poll() is None, server.text()


@pytest.fixture
def database(shared: Database, tmp_path: Path) -> Database:
    """It holds example.com. as in EXAMPLE and no other zone."""
    for zone in shared.ok("zone", "list").split() if (shared.path / "CURRENT").exists() else ():
        shared.ok("zone", "delete", zone)
    path = tmp_path / "start.zone"
    path.write_text(EXAMPLE)
    shared.ok("zone", "import", path)
    return shared
