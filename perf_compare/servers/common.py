"""One face for all servers: start pinned to a processor, wait for the first right answer, account, stop by process id."""

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode

from perf_compare.questions import Question
from perf_compare.workloads import Workload

ADDRESS = "127.0.0.1"  # BIND binds only addresses that an interface has
TICKS = os.sysconf("SC_CLK_TCK")


class ServerError(Exception):
    """A server could not be started, or died."""


def free_port() -> int:
    """A UDP and TCP port nobody has on ADDRESS."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            udp.bind((ADDRESS, 0))
            try:
                tcp.bind((ADDRESS, udp.getsockname()[1]))
            except OSError:
                continue
            return int(udp.getsockname()[1])


@dataclass(frozen=True)
class Choice:
    """Which server, and how it is to run."""

    server: str
    workers: int = 1
    """Worker processes or threads."""
    cpus: str = "0"
    """Processors it may use, as taskset writes them."""
    cache: str = "2GiB"
    """nsblast's --cache-size."""
    note: str = ""
    """What sets it apart from another one of the same server."""

    @property
    def label(self) -> str:
        """Its name in results."""
        return f"{self.server} {self.note}".strip()


class Server:
    """A server under test; subclasses say how it is configured."""

    name = ""
    programs: tuple[str, ...] = ()
    """Programs that must be installed."""
    takes_updates = False
    """Whether its zones can be changed by dynamic update, unsigned, from ADDRESS."""

    def __init__(self, folder: Path, choice: Choice) -> None:
        self.choice = choice
        self.label = choice.label
        self.folder = folder / choice.label.replace(" ", "-")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.load_seconds = 0.0
        self.start_seconds = 0.0

    @classmethod
    def missing(cls) -> list[str]:
        """Programs of it that are not installed."""
        return [
            program for program in cls.programs if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") is None
        ]

    def prepare(self, workload: Workload) -> None:
        """Write its configuration (and, where it keeps a database, fill it)."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """What to run, in the foreground."""
        raise NotImplementedError

    def pinned(self, command: list[str]) -> list[str]:
        """The command bound to this server's processors."""
        return ["taskset", "-c", self.choice.cpus, *command]

    def start(self, workload: Workload, patience: float = 1200.0) -> None:
        """Prepare, start, wait until it answers the first sample question."""
        began = time.monotonic()
        self.prepare(workload)
        self.load_seconds = time.monotonic() - began
        self.launch(workload.sample[0], patience)
        self.wait_right(workload.sample[:100], patience)  # some load their zones one after another while they answer
        self.settle()

    def launch(self, question: Question, patience: float = 1200.0) -> None:
        """Start what was prepared; start_seconds is the time to the first right answer."""
        began = time.monotonic()
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                self.pinned(self.command()), stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder
            )
        while time.monotonic() - began < patience:
            if self.process.poll() is not None:
                raise ServerError(
                    f"{self.label} ended at once: {(self.folder / 'output').read_text(errors='replace')[-800:]}"
                )
            if self.right(question, self.ask(question, timeout=0.01)):
                self.start_seconds = time.monotonic() - began
                return
        raise ServerError(f"{self.label} did not answer in {patience:.0f} s")

    def wait_right(self, questions: list[Question], patience: float = 1200.0) -> None:
        """Ask each until it is answered right once. ServerError when one never is."""
        began = time.monotonic()
        for question in questions:
            while not self.right(question, self.ask(question, timeout=0.05)):
                if time.monotonic() - began > patience:
                    raise ServerError(f"{self.label} did not answer {question} in {patience:.0f} s")

    def settle(self, patience: float = 300.0) -> None:
        """Wait until what it does in the background after its start is done; nothing for most."""

    def right(self, question: Question, answer: dns.message.Message | None) -> bool:
        """Whether this is the answer: the address where that is known, else neither REFUSED nor SERVFAIL."""
        if answer is None or answer.rcode() in (dns.rcode.REFUSED, dns.rcode.SERVFAIL):
            return False
        return not question.address or question.address in {
            rdata.to_text() for rrset in answer.answer if rrset.rdtype == question.rrtype for rdata in rrset
        }

    def ask(self, question: Question, timeout: float = 2.0, *, tcp: bool = False) -> dns.message.Message | None:
        """One question over UDP or TCP; None when no answer came."""
        extended = {"use_edns": 0, "payload": 1232} if question.edns or question.dnssec else {}
        query = dns.message.make_query(
            question.name, question.rrtype, want_dnssec=question.dnssec or None, flags=0, **extended
        )
        try:
            return (dns.query.tcp if tcp else dns.query.udp)(query, ADDRESS, timeout, self.port)
        except (dns.exception.DNSException, OSError, EOFError):
            return None

    def tree(self) -> list[int]:
        """Process ids of the server and all its children."""
        if self.process is None:
            return []
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
        found = [self.process.pid]
        for pid in found:
            found += parents.get(pid, [])
        return found

    def cpu_seconds(self) -> float:
        """User and system time of the whole tree so far."""
        total = 0
        for pid in self.tree():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory(self) -> dict[str, int]:
        """Octets of the whole tree: rss counts shared pages in each process, pss once, own is pss without files' pages."""
        sums = {"rss": 0, "pss": 0, "own": 0}
        keys = {"Rss:": "rss", "Pss:": "pss", "Pss_Anon:": "own", "Pss_Shmem:": "own"}
        for pid in self.tree():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            for line in lines:
                field, *rest = line.split()
                if field in keys:
                    sums[keys[field]] += int(rest[0]) * 1024
        return sums

    def stop(self) -> None:
        """End it and wait for that."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
