"""Which endpoint a path means: one dictionary step a segment, whatever the number of endpoints.

Segments are split before they are percent-decoded, so that a name may hold an encoded slash (RFC 2317 zones do).
"""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

from nsblast.admin.calls import Endpoint


class _Node:
    __slots__ = ("methods", "names", "parameter", "segments")

    def __init__(self) -> None:
        self.segments: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.methods: dict[str, Endpoint] = {}
        self.names: dict[str, tuple[str, ...]] = {}


class Paths:
    """The tree of all endpoints."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        """ValueError when two mean the same."""
        self._root = _Node()
        for endpoint in endpoints:
            node = self._root
            names: list[str] = []
            for segment in endpoint.full_path.split("/")[1:]:
                if segment.startswith("{"):
                    names.append(segment[1:-1])
                    node.parameter = node.parameter or _Node()
                    node = node.parameter
                else:
                    node = node.segments.setdefault(segment, _Node())
            if endpoint.method in node.methods:
                raise ValueError(f"two endpoints for {endpoint.method} {endpoint.full_path}")
            node.methods[endpoint.method] = endpoint
            node.names[endpoint.method] = tuple(names)

    def find(self, raw_path: bytes) -> tuple[Mapping[str, Endpoint], Mapping[str, tuple[str, ...]], list[str]]:
        """Endpoints of a path by method, the names of its parameters by method, and their values; no endpoints: no such path."""
        segments = raw_path.decode("latin-1").split("/")
        values: list[str] = []
        node = self._walk(self._root, segments, 1, values)
        return (node.methods, node.names, values) if node is not None else ({}, {}, [])

    def _walk(self, node: _Node, segments: list[str], at: int, values: list[str]) -> _Node | None:
        """A word of the path counts before a parameter does, but not where it leads nowhere."""
        if at == len(segments):
            return node if node.methods else None
        segment = segments[at]
        word = node.segments.get(segment)
        if word is not None:
            found = self._walk(word, segments, at + 1, values)
            if found is not None:
                return found
        if node.parameter is None or not segment:
            return None
        values.append(_decoded(segment))
        found = self._walk(node.parameter, segments, at + 1, values)
        if found is None:
            values.pop()
        return found


def _decoded(segment: str) -> str:
    """Octets that are no UTF-8 become surrogates: names may hold any octet."""
    if "%" not in segment:
        return segment
    return unquote_to_bytes(segment).decode("utf-8", "surrogateescape")
