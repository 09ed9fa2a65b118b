"""The source tree as the architecture tests see it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "nsblast"
CORE = PACKAGE / "_core"
CIMPORT = re.compile(
    r"^\s*(?:from nsblast\._core\.(\w+) cimport|cimport nsblast\._core\.(\w+)|from nsblast\._core cimport (\w+))"
)


def core_modules() -> set[str]:
    """Names of the compiled modules and of the faces that are only declarations."""
    return {path.stem for pattern in ("*.pyx", "*.pxd") for path in CORE.glob(pattern)} - {"__init__"}


def cimports() -> dict[str, set[str]]:
    """Which core modules each core module cimports, face and body together."""
    graph: dict[str, set[str]] = {name: set() for name in core_modules()}
    for name, edges in graph.items():
        for suffix in (".pxd", ".pyx"):
            path = CORE / f"{name}{suffix}"
            if path.exists():
                for line in path.read_text().splitlines():
                    if match := CIMPORT.match(line):
                        edges.add(next(group for group in match.groups() if group))
        edges.discard(name)
    return graph


def python_files() -> Iterator[Path]:
    """Every Python file of the package."""
    yield from sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    """Dotted name of a file below src."""
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Dotted names of what a file imports from nsblast, wherever in the file it does."""
    known = {module_name(other) for other in python_files()}
    found: set[str] = set()
    here = module_name(path)
    package = here if path.name == "__init__.py" else here.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "nsblast"}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
                base = f"{above}.{base}".rstrip(".")
            if base.split(".")[0] == "nsblast":
                for alias in node.names:
                    full = f"{base}.{alias.name}"
                    found.add(full if full in known or (base == "nsblast._core") else base)
    return found - {here}
