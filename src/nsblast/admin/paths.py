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
        node = self._root
        values: list[str] = []
        for segment in raw_path.decode("latin-1").split("/")[1:]:
            found = node.segments.get(segment)
            if found is None:
                found = node.parameter
                if found is None or not segment:
                    return {}, {}, []
                values.append(_decoded(segment))
            node = found
        return node.methods, node.names, values


def _decoded(segment: str) -> str:
    """Octets that are no UTF-8 become surrogates: names may hold any octet."""
    if "%" not in segment:
        return segment
    return unquote_to_bytes(segment).decode("utf-8", "surrogateescape")
