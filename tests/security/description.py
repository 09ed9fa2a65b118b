"""schemathesis against the description of a running server: it makes requests of every kind out of it and looks at the answers.

    python -m tests.security.description [EXAMPLES] [SEED]        the whole: 100 examples an operation; needs PYTHONPATH=src:.

Owns: how it is run. Found is: a 5xx, a status that is not described, a body or a content type that is not as described. Asked are all
operations but /events, whose answers do not end, and those that would take from the asker what it asks with.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.helpers.api import PASSWORD, Api, api
from tests.security.wire import Wire, basic, path

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"
PHASES = "examples,coverage,fuzzing"
NOT_ASKED = ("get_api_v1_events", "delete_api_v1_apikey_by_id", "delete_api_v1_role_by_role", "put_api_v1_role_by_role")


def prepare(server: Api) -> str:
    """Something of everything there is; the key to ask with."""
    with Wire(server, basic("admin", PASSWORD)) as admin:

        def do(method: str, target: str, json: object) -> object:
            got = admin(method, target, json)
            assert got.status in (200, 201), (target, got.body)
            return got.value

        for zone in ("example.com", "sub.example.org"):
            do("POST", path("zone", zone), {"ns": ["ns1.example.net"]})
        do("PATCH", path("rr", "www.example.com"), {"a": ["192.0.2.1"]})
        do("POST", path("vzone", "sub.example.com"), {"tenant": "nsblast"})
        do("POST", path("tsigkey"), {"name": "k.example"})
        made = do("POST", path("apikey"), {"roles": ["Administrator"]})
        assert isinstance(made, dict)
        return str(made["key"])


def run(
    server: Api,
    folder: Path,
    *,
    examples: int,
    seed: int = 1,
    phases: str = PHASES,
    document: str = "",
    only: Iterable[str] = (),
) -> str:
    """What it says; AssertionError when it found something. document: a file in place of the server's own; only: these operations."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", document or f"{server.url}/api/v1/openapi.json", "--url", server.url,
        "--header", f"X-API-Key: {prepare(server)}", "--checks", CHECKS, "--max-examples", str(examples), "--phases", phases,
        "--seed", str(seed), "--continue-on-failure", "--no-color", "--request-timeout", "20", "--max-redirects", "0",
        "--generation-database", "none", "--warnings", "off",
        # Wrong credentials made up on the way would slow down all that follows from this address (tests/security/test_login.py).
        "--generation-with-security-parameters", "false",
    ]  # fmt: skip
    for operation in only or NOT_ASKED:
        command += ["--include-operation-id" if only else "--exclude-operation-id", operation]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 60 * examples, check=False, cwd=folder)
    assert server.process is not None
    assert server.process.poll() is None, server.text()[-3000:]
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    failed = server.events("request failed")
    assert not failed, failed[:3]
    return done.stdout


if __name__ == "__main__":
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as place, api(Path(place), workers=1) as made:
        began = time.monotonic()
        told = run(made, Path(place), examples=most, seed=int(sys.argv[2]) if len(sys.argv) > 2 else 1)
        print("\n".join(told.splitlines()[-25:]), f"\n{time.monotonic() - began:.0f} s")
