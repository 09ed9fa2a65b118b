"""The bar of a long import: names, rate, time left. Drawn on a terminal only; without one nothing of tqdm is loaded.

Owns: the guess how many names there will be (names so far, by the part of all octets that was read). Never: the result.
"""

from types import TracebackType
from typing import Any, Self


class Progress:
    """How far reading and writing of so many octets of zone files has come."""

    def __init__(self, octets: int, *, shown: bool) -> None:
        self._octets = octets
        self._read = 0
        self._behind = 0
        self._bar: Any = None
        if shown:
            from tqdm import tqdm

            self._bar = tqdm(desc="importing", unit=" names", unit_scale=True, dynamic_ncols=True, leave=False)

    def read(self, octets: int, total: int) -> None:
        """So much of the file at hand has been read; total: its octets, and those of what it includes."""
        self._read = total
        if self._bar is not None and octets < total:
            # Names are counted when all of the zone is known: until then only this tells that something happens.
            self._bar.set_description(f"reading {octets * 100 // max(total, 1)}%", refresh=False)
            self._bar.update(0)

    def written(self, names: int, of: int) -> None:
        """So many names went to the database; the file at hand has about `of` behind those of the files before."""
        if self._bar is not None:
            self._bar.set_description("writing", refresh=False)
            self._bar.total = max(of, names)
            self._bar.update(names - self._bar.n)

    def finished(self, names: int) -> None:
        """The file at hand is done; names: of all files so far."""
        self._behind += self._read
        self._read = 0
        if self._bar is not None:
            self._bar.set_description("importing", refresh=False)
            self._bar.total = max(names, round(names * self._octets / max(self._behind, 1)))
            self._bar.update(names - self._bar.n)

    def hidden(self) -> None:
        """Make room for a line of text."""
        if self._bar is not None:
            self._bar.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
