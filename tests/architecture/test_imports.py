"""Layers have a direction and no cycles, in the compiled core and in the package (docs/architecture.md, "Layers")."""

from graphlib import TopologicalSorter

import pytest

from tests.architecture.tree import ROOT, cimports, core_modules, imports, module_name, python_files

# Lowest first. A module may cimport from lower groups and from its own, save where the group is closed.
CORE_LAYERS: list[set[str]] = [
    {"status", "proto", "sock", "siphash", "pins", "conns", "hints", "turn"},
    {"wire", "shm", "mnemonic", "token"},
    {"name"},
    {"fields", "coded"},
    {"rdtext"},
    {"entry"},
    {"keys", "rrset", "filter", "entries", "suffix", "edns", "stats", "querylog", "tails"},
    {"arena", "view", "nsec3", "outbox"},
    {"nodes", "plan", "segment", "scan", "rdshow", "runs", "pack", "unpack"},
    {"sift"},
    {"collect"},
    {"small"},
    {"txn"},
    {"tally", "compose", "parked", "chain"},
    {"additional", "prove", "foresee"},
    {"decode", "lookup", "answer", "encode"},
    {"respond"},
    {"engine", "serve_udp", "codec"},
    {"streams"},
    {"serve_tcp"},
]
STAGES = {"decode", "lookup", "answer", "encode"}

PACKAGE_LAYERS: list[set[str]] = [
    {"errors", "_core"},
    {"client"},
    {"types", "quantities", "records"},
    {"settings_values", "settings", "settings_layers", "control"},
    {"logs", "store"},
    {"zones", "access", "claim", "process", "metrics"},
    {"backend"},
    {"transfer"},
    {"serve", "admin"},
    {"supervise"},
    {"cli"},
    {"__main__"},
]


def rank(layers: list[set[str]], name: str) -> int:
    for number, layer in enumerate(layers):
        if name in layer:
            return number
    pytest.fail(f"{name} has no place in the layer order: give it one here and in docs/architecture.md")


def part(module: str) -> str:
    """nsblast.store.reader -> store; nsblast itself -> ''."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def test_core_has_no_cimport_cycle() -> None:
    tuple(TopologicalSorter(cimports()).static_order())


def test_core_cimports_go_down() -> None:
    for source, targets in cimports().items():
        for target in targets:
            assert target in core_modules(), f"{source} cimports {target}, which does not exist"
            assert rank(CORE_LAYERS, target) <= rank(CORE_LAYERS, source), f"{source} cimports upwards: {target}"


def test_no_stage_cimports_another() -> None:
    for source in STAGES & core_modules():
        assert not cimports()[source] & STAGES, f"{source} cimports another stage"


def test_core_imports_nothing_of_the_package() -> None:
    for name in core_modules():
        for suffix in (".pyx", ".pxd"):
            path = ROOT / "src/nsblast/_core" / f"{name}{suffix}"
            lines = path.read_text().splitlines() if path.exists() else []
            for number, line in enumerate(lines, 1):
                if line.startswith(("from nsblast", "import nsblast")):
                    assert line.split()[1].startswith("nsblast._core"), f"{path.name}:{number}: {line}"


def test_package_imports_go_down() -> None:
    for path in python_files():
        source = part(module_name(path))
        if not source:
            continue
        for target in imports(path):
            below = part(target)
            if below:
                upwards = rank(PACKAGE_LAYERS, below) > rank(PACKAGE_LAYERS, source)
                assert not upwards, f"{module_name(path)} imports {target}"


def test_package_parts_make_no_cycle() -> None:
    graph: dict[str, set[str]] = {}
    for path in python_files():
        source = part(module_name(path))
        edges = graph.setdefault(source, set())
        edges |= {part(target) for target in imports(path)} - {source, ""}
    tuple(TopologicalSorter(graph).static_order())


def test_modules_make_no_cycle() -> None:
    graph = {module_name(path): imports(path) for path in python_files()}
    tuple(TopologicalSorter(graph).static_order())


def test_serving_and_administration_do_not_meet() -> None:
    for path in python_files():
        here = part(module_name(path))
        if here in {"serve", "admin"}:
            other = {"serve": "admin", "admin": "serve"}[here]
            assert other not in {part(target) for target in imports(path)}, f"{module_name(path)} imports {other}"
