"""Makes the zones of the comparison in a folder: hand-written ones copied, large and deep ones generated, some signed.

Owns: which zones exist, in which set. Never: talks to a server. The text of unsigned zones is the same on every run;
keys and signatures are new on every run (ECDSA signatures are random anyway), but all servers of a run get the same.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.interop.portable import load, write

HERE = Path(__file__).parent
INCEPTION = "20200101000000"
EXPIRY = "20370101000000"
SEED = 20240107


@dataclass(frozen=True)
class ZoneFile:
    """One zone as a master file; `origin` in presentation form with the final dot."""

    origin: str
    path: Path
    portable: Path | None = None  # the same zone for parsers that know fewer types; filled in by add_portable
    signed: bool = False
    nsec3: tuple[int, str] | None = None  # iterations and salt ("-" when empty) as in NSEC3PARAM
    opt_out: bool = False
    below_dname: bool = (
        False  # holds data below a DNAME, which nsblast, NSD and Knot refuse to load; `portable` does not
    )


@dataclass
class ZoneSet:
    """Zones that one server serves together."""

    name: str
    folder: Path
    zones: list[ZoneFile] = field(default_factory=list)
    anchors: Path | None = None  # trust anchors in delv's form for the signed zones


def origin_of(path: Path) -> str:
    """The zone of a hand-written file: what its $ORIGIN line says."""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("$ORIGIN"):
            return line.split()[1]
    raise ValueError(f"{path}: no $ORIGIN line")


def head(origin: str, ttl: int = 300, serial: int = 1) -> list[str]:
    """First lines of a generated zone: origin, SOA and one name server inside."""
    return [
        f"$ORIGIN {origin}",
        f"$TTL {ttl}",
        f"@ SOA ns hostmaster {serial} 7200 3600 1209600 {ttl}",
        "@ NS ns",
    ]


def deep_names() -> str:
    """Zone `d.`: owner names of up to 127 labels, wildcards, CNAMEs and cuts among them."""
    lines = [*head("d."), "ns A 192.0.2.1"]
    for count in (1, 2, 9, 40, 100, 125, 126):
        lines.append(f"{'.'.join('a' * count)} A 192.0.2.{count}")
    lines.append(f'{".".join("b" * 126)} TXT "all 127 labels, everything above is an ENT"')
    lines.append(f"*.{'.'.join('c' * 124)} A 192.0.2.201")
    lines.append(f"*.{'.'.join('w' * 60)} A 192.0.2.202")
    lines.append(f"{'.'.join('n' * 50)} NS ns")
    lines.append(f'{".".join("n" * 120)} TXT "occluded, far below the cut"')
    lines.append(f"{'.'.join('m' * 60)} DNAME {'.'.join('a' * 60)}")
    lines.append(f"dshort DNAME {'.'.join('a' * 123)}")
    lines.append(f"{'.'.join('k' * 126)} CNAME {'.'.join('a' * 126)}")
    wide = "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz"
    lines.append(f'{wide}.{wide}.{wide}.{wide[:59]} TXT "254 octets in labels of 63"')
    return "\n".join(lines) + "\n"


def deep_apex(letter: str, labels: int) -> str:
    """A zone whose apex has `labels` labels."""
    origin = ".".join(letter * labels) + "."
    lines = [
        f"$ORIGIN {origin}",
        "$TTL 300",
        "@ SOA ns.elsewhere.example. hostmaster.elsewhere.example. 1 2 3 4 300",
        "@ NS ns.elsewhere.example.",
        '@ TXT "deep apex"',
    ]
    if labels < 125:
        lines += ["a A 192.0.2.1", "*.b A 192.0.2.2", "c.c.c A 192.0.2.3"]
    return "\n".join(lines) + "\n"


def sizes() -> str:
    """Zone sizes.test: RRsets whose answers lie around every limit of a UDP message, and some near 64 KiB."""
    lines = [*head("sizes.test."), "ns A 192.0.2.1"]
    for count in (
        1,
        10,
        20,
        27,
        28,
        29,
        30,
        40,
        60,
        70,
        71,
        72,
        73,
        74,
        75,
        76,
        80,
        100,
        200,
        250,
        252,
        253,
        254,
        255,
        256,
        300,
    ):
        lines += [f"a{count} A 198.51.{n >> 8}.{n & 255}" for n in range(count)]
    for length in (
        100,
        200,
        400,
        440,
        455,
        460,
        461,
        462,
        463,
        464,
        465,
        466,
        467,
        468,
        469,
        470,
        480,
        1100,
        1150,
        1180,
    ):
        lines.append(f"t{length} TXT {quoted(length)}")
    for length in (1185, 1190, 1195, 1200, 1205, 4000, 4030, 4040, 4050, 4060, 8000, 16000, 32000, 60000, 65000, 65150):
        lines.append(f"t{length} TXT {quoted(length)}")
    for count in (5, 10, 50, 200):
        lines += [f"mx{count} MX {n} mail{n}.mx{count}" for n in range(count)]
        lines += [f"mail{n}.mx{count} A 203.0.113.{n & 255}" for n in range(count)]
    for count in (4, 8, 13, 20, 40, 100):
        lines += [f"cut{count} NS nameserver-{n}.cut{count}" for n in range(count)]
        lines += [f"nameserver-{n}.cut{count} A 203.0.113.{n}" for n in range(count)]
        lines += [f"nameserver-{n}.cut{count} AAAA 2001:db8::{n:x}" for n in range(count)]
    lines.append("big CNAME t4000")
    lines.append("small CNAME a28")
    lines.append("*.wild TXT " + quoted(600))
    return "\n".join(lines) + "\n"


def quoted(length: int) -> str:
    """TXT strings of together `length` octets of rdata (length octets counted)."""
    parts = []
    while length > 0:
        size = min(255, length - 1)
        parts.append('"' + "x" * size + '"')
        length -= size + 1
    return " ".join(parts)


def many() -> str:
    """Zone many.test: owner names with thousands of records and with hundreds of types."""
    lines = [*head("many.test."), "ns A 192.0.2.1"]
    lines += [f"a A 10.{n >> 16}.{(n >> 8) & 255}.{n & 255}" for n in range(3500)]
    lines += [f"aaaa AAAA 2001:db8::{n:x}" for n in range(2000)]
    lines += [f'txt TXT "string number {n}"' for n in range(1500)]
    lines += [f"ptr PTR host-{n}" for n in range(2000)]
    lines += [f"types TYPE{n} \\# 2 {n:04x}" for n in range(65000, 65300)]
    lines += ["types A 192.0.2.2", 'types TXT "among many"']
    lines += [f"*.wild A 10.9.{n >> 8}.{n & 255}" for n in range(500)]
    return "\n".join(lines) + "\n"


def big() -> str:
    """Zone big.test: some thousands of names of all kinds, drawn with a fixed seed."""
    rng = random.Random(SEED)
    lines = [*head("big.test."), "ns A 192.0.2.1", "target A 192.0.2.2"]
    owners: set[str] = set()
    parents = [""]
    for number in range(2500):
        owner = rng.choice("abcdefgh") * rng.randint(1, 3) + str(rng.randint(0, 400))
        parent = rng.choice(parents)
        name = f"{owner}.{parent}" if parent else owner
        if name in owners or name.count(".") > 8:
            continue
        owners.add(name)
        kind = rng.random()
        if kind < 0.5:
            lines.append(f"{name} A 10.1.{number >> 8}.{number & 255}")
            if rng.random() < 0.3:
                lines.append(f"{name} AAAA 2001:db8::{number:x}")
            parents.append(name)
        elif kind < 0.6:
            lines.append(f'{name} TXT "{number}"')
        elif kind < 0.7:
            parents.append(name)  # at most an ENT, when a name is drawn below it
        elif kind < 0.8:
            lines.append(f"{name} CNAME {rng.choice(['target', 'x.' + name, 'www.basic.test.', 'nothing'])}")
        elif kind < 0.87:
            lines.append(f"{name} NS ns.{name}")
            lines.append(f"ns.{name} A 10.2.{number >> 8}.{number & 255}")
        elif kind < 0.94:
            lines.append(f"*.{name} {rng.choice(['A 10.3.0.1', 'CNAME target', 'MX 10 target', 'TXT wild'])}")
        else:
            lines.append(f"{name} DNAME {rng.choice(['basic.test.', 'x.big.test.', 'dnametarget.test.'])}")
    return "\n".join(lines) + "\n"


GENERATED: dict[str, Callable[[], str]] = {
    "deepnames": deep_names,
    "deepapex120": lambda: deep_apex("e", 120),
    "deepapex127": lambda: deep_apex("f", 127),
    "deepapex64": lambda: deep_apex("g", 64),
    "sizes.test": sizes,
    "many.test": many,
    "big.test": big,
}


@dataclass(frozen=True)
class Signing:
    """How one signed zone is made; children are signed before their parents, so that the DS is known."""

    origin: str
    body: str
    options: tuple[str, ...] = ()
    nsec3: tuple[int, str] | None = None
    extra: str = ""
    delegates: tuple[str, ...] = ()  # "-g": DS of its children, signed before it; other DS would be taken out


SIGNED = (
    Signing("nsec.test.", "body"),
    Signing("nsec3.test.", "body", ("-3", "-"), (0, "-")),
    Signing("nsec3iter.test.", "body", ("-3", "AABBCCDD", "-H", "5"), (5, "AABBCCDD")),
    Signing("optout.test.", "body", ("-3", "-", "-A"), (0, "-")),
    Signing("dnamesigned.test.", "childbody", extra="@ DNAME nsec.test.\n"),
    Signing("child.family.test.", "childbody"),
    Signing("child3.family.test.", "childbody", ("-3", "1234"), (0, "1234")),
    Signing(
        "family.test.",
        "childbody",
        ("-3", "-", "-H", "1"),
        (1, "-"),
        extra="child NS ns.child\nns.child A 192.0.2.51\nchild3 NS ns.child3\nns.child3 A 192.0.2.51\n"
        "plain NS ns.plain\nns.plain A 192.0.2.51\n",
        delegates=("-g",),
    ),
    Signing("minimalsigned.test.", "empty"),
)


def write_signed(folder: Path, keys: Path, what: Signing) -> ZoneFile:
    """Signs one zone with fresh keys; the signed file is in one-record-a-line form."""
    name = what.origin.rstrip(".")
    text = "\n".join(head(what.origin, 3600, 2024)) + "\n"
    if what.body == "empty":
        text = text.replace("NS ns\n", "NS ns.basic.test.\n")
    else:
        text += (HERE / "zones_signed" / f"{what.body}.zone").read_text("utf-8")
    if what.origin == "dnamesigned.test.":  # nothing but the apex may be below a DNAME at the apex
        text = "\n".join(head(what.origin, 3600, 2024)).replace("NS ns", "NS ns.basic.test.") + "\n"
    text += what.extra
    plain = keys / f"{name}.plain"
    plain.write_text(text, "utf-8")
    for flags in (["-f", "KSK"], []):
        run(["dnssec-keygen", "-q", "-K", str(keys), "-a", "ECDSAP256SHA256", *flags, what.origin])
    made = folder / f"{name}.zone"
    run(
        [
            "dnssec-signzone",
            "-q",
            "-S",
            *what.delegates,
            "-d",
            str(keys),
            "-K",
            str(keys),
            "-O",
            "full",
            "-N",
            "keep",
            "-P",
            "-j",
            "0",
        ]
        + ["-s", INCEPTION, "-e", EXPIRY, *what.options, "-o", what.origin, "-f", str(made), str(plain)]
    )
    return ZoneFile(what.origin, made, None, True, what.nsec3, "-A" in what.options)


def write_anchors(keys: Path, target: Path) -> None:
    """Trust anchors (all KSKs) as delv's `-a` file."""
    lines = ["trust-anchors {"]
    for path in sorted(keys.glob("K*.key")):
        for line in path.read_text("utf-8").splitlines():
            words = line.split()
            if len(words) > 6 and words[2] == "DNSKEY" and words[3] == "257":
                lines.append(f'  "{words[0]}" static-key 257 3 {words[5]} "{"".join(words[6:])}";')
    target.write_text("\n".join([*lines, "};", ""]), "utf-8")


def run(command: list[str]) -> None:
    """Runs a tool; what it says on failure becomes the error."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")


def add_portable(zones: list[ZoneFile], folder: Path) -> list[ZoneFile]:
    """Writes each zone a second time, in the spelling that the peers take."""
    folder.mkdir(exist_ok=True)
    done = []
    for zone in zones:
        target = folder / zone.path.name
        left_out = write(load(zone.path, zone.origin), target)
        done.append(replace(zone, portable=target, below_dname=left_out > 0))
    return done


def start_afresh(folder: Path) -> None:
    """Empties the folders of a set: keys of an earlier run would sign once more."""
    for part in ("", "-keys", "-portable"):
        shutil.rmtree(folder.parent / (folder.name + part), ignore_errors=True)
    folder.mkdir(parents=True)


def make_main(folder: Path, *, signed: bool = True) -> ZoneSet:
    """The large set: everything below `test.` and a few others, no root zone."""
    start_afresh(folder)
    made = ZoneSet("main", folder)
    for path in sorted((HERE / "zones").glob("*.zone")):
        shutil.copy(path, folder)
        made.zones.append(ZoneFile(origin_of(path), folder / path.name))
    for name, maker in GENERATED.items():
        path = folder / f"{name}.zone"
        path.write_text(maker(), "utf-8")
        made.zones.append(ZoneFile(origin_of(path), path))
    if signed:
        keys = folder.parent / (folder.name + "-keys")
        keys.mkdir(exist_ok=True)
        made.zones += [write_signed(folder, keys, what) for what in SIGNED]
        made.anchors = keys / "anchors"
        write_anchors(keys, made.anchors)
    made.zones = add_portable(made.zones, folder.parent / (folder.name + "-portable"))
    return made


def make_root(folder: Path) -> ZoneSet:
    """The small set: a root zone and some of its children."""
    start_afresh(folder)
    made = ZoneSet("root", folder)
    for path in sorted((HERE / "zones_root").glob("*.zone")):
        shutil.copy(path, folder)
        made.zones.append(ZoneFile(origin_of(path), folder / path.name))
    made.zones = add_portable(made.zones, folder.parent / (folder.name + "-portable"))
    return made
