"""A typed client of the admin API: every endpoint is a method, every answer a type, every refusal an error of its own kind.

    from nsblast.client import Client

    with Client("https://dns.example.net:8053", api_key="…") as dns:
        dns.patch_entry("www.example.com", {"a": ["192.0.2.1"]})

It needs httpx, msgspec and orjson, and nothing of the server but its errors: no store, no compiled code. Synchronous; a Client may be
shared by threads. See docs/client.md.
"""

from nsblast.client.client import Client
from nsblast.client.credentials import Credentials, from_environment
from nsblast.client.errors import (
    ApiError,
    BadRequest,
    Gone,
    Missing,
    NotLoggedIn,
    NotPermitted,
    ServerFailed,
    SlowDown,
    Stale,
    Taken,
    Unreachable,
)

__all__ = [
    "ApiError",
    "BadRequest",
    "Client",
    "Credentials",
    "Gone",
    "Missing",
    "NotLoggedIn",
    "NotPermitted",
    "ServerFailed",
    "SlowDown",
    "Stale",
    "Taken",
    "Unreachable",
    "from_environment",
]
