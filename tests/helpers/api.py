"""A server with its admin API, for tests: a client that is logged in, and DNS questions beside it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.helpers.server import Server

PASSWORD = "correct horse battery staple"


class Api(Server):
    """A server whose first password is known."""

    def client(self, user: str = "admin", password: str = PASSWORD, **more: Any) -> httpx.Client:
        """A keep-alive client of the API; paths are below /api/v1."""
        return httpx.Client(base_url=f"{self.url}/api/v1", auth=(user, password), timeout=30, **more)


@contextlib.contextmanager
def api(folder: Path, *flags: str, workers: int = 2, **more: Any) -> Iterator[Api]:
    """A server that is ready, and gone afterwards."""
    import os

    server = Api(folder, workers=workers)
    environment = {**os.environ, "NSBLAST_ADMIN_PASSWORD": PASSWORD}
    try:
        server.start(*flags, env=environment, **more)
        yield server
    finally:
        server.end()
