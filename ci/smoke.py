"""Does an installed nsblast work? Import a zone, serve it, ask over UDP and TCP, stop. Exit code 0 when all is well.

Only the standard library and what nsblast itself depends on: it runs in a fresh environment with the wheel and nothing else,
and refuses to test a source tree by accident.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import dns.flags
import dns.message
import dns.query

import nsblast

ADDRESS = "127.0.0.1"


def free_port() -> int:
    """A port free for UDP and TCP a moment ago."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        tcp.bind((ADDRESS, 0))
        port: int = tcp.getsockname()[1]
        udp.bind((ADDRESS, port))
        return port


def run(*command: str) -> str:
    """Standard output of `nsblast …`; its error is ours."""
    done = subprocess.run(
        [sys.executable, "-m", "nsblast", *command], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        sys.exit(f"smoke: nsblast {' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def ask(port: int) -> None:
    """The same over UDP and TCP; what is there, what is not."""
    for exchange in (dns.query.udp, dns.query.tcp):
        for qname, qtype, rcode, answers in [
            ("www.example.com", "A", 0, 2),
            ("x.apps.example.com", "A", 0, 1),
            ("nothing.example.com", "A", 3, 0),
            ("example.org", "A", 5, 0),
        ]:
            reply = exchange(dns.message.make_query(qname, qtype), ADDRESS, port=port, timeout=5)
            got = (reply.rcode(), len(reply.answer))
            if got != (rcode, answers) or (rcode != 5) != bool(reply.flags & dns.flags.AA):
                sys.exit(f"smoke: {qname} {qtype}: expected rcode and sets {(rcode, answers)}, got\n{reply}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zone", type=Path, required=True, help="examples/example.com.zone")
    arguments = parser.parse_args()
    package = Path(nsblast.__file__).resolve().parent
    if package.is_relative_to(Path(__file__).resolve().parents[1] / "src"):
        sys.exit(f"smoke: {package} is the source tree; install the wheel and unset PYTHONPATH")
    version = json.loads(run("version", "--json"))
    with tempfile.TemporaryDirectory(prefix="nsblast-smoke-") as folder:
        database = str(Path(folder) / "db")
        run("zone", "import", str(arguments.zone), "-d", database)
        port = free_port()
        server = subprocess.Popen(
            [sys.executable, "-m", "nsblast", "serve", "-d", database, "--dns-port", str(port), "--workers", "2"]
            + ["--http-port", str(free_port())],
            env=os.environ | {"NSBLAST_CACHE_SIZE": "16MiB"},
        )
        try:
            run("status", "--wait-ready", "20", "-d", database)
            ask(port)
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(timeout=20)
        if code:
            sys.exit(f"smoke: the server ended with exit code {code}")
    print(f"smoke: {package}: {version} imports, serves and answers")


if __name__ == "__main__":
    main()
