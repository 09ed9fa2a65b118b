"""What the kernel holds of the store's files gets mapped; nothing is read from disk for it."""

import mmap
import os
import re
import time
from pathlib import Path

import pytest

from nsblast.serve.mapped import Mapper, held, mapped_files

SIZE = 16 << 20


def resident(path: Path) -> int:
    """Octets of a file's mapping that this process has mapped."""
    text = Path("/proc/self/smaps").read_text()
    found = re.search(rf"{re.escape(str(path))}\n(?:.*\n)*?Rss:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) * 1024


@pytest.fixture
def mapped(tmp_path: Path) -> tuple[Path, mmap.mmap]:
    path = tmp_path.resolve() / "000007.sst"
    path.write_bytes(os.urandom(1 << 20) * (SIZE >> 20))
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return path, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)


def passed(mapper: Mapper) -> None:
    """One pass, begun and ended."""
    mapper.maybe(True)
    assert mapper._thread is not None
    mapper._thread.join(10)
    assert not mapper._thread.is_alive()


def test_only_sorted_files_of_the_folder_are_found(mapped: tuple[Path, mmap.mmap], tmp_path: Path) -> None:
    path, area = mapped
    other = tmp_path / "log"
    other.write_bytes(bytes(4096))
    with other.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ):
        assert [octets for _, octets in mapped_files(str(tmp_path))] == [SIZE]
        assert mapped_files(str(tmp_path / "elsewhere")) == []
    area.close()
    assert mapped_files(str(path.parent)) == []


def test_what_the_kernel_holds_is_mapped(mapped: tuple[Path, mmap.mmap]) -> None:
    path, area = mapped
    assert resident(path) == 0
    mapper = Mapper(str(path.parent))
    passed(mapper)
    if mapper._due == float("inf"):
        pytest.skip("this kernel has no MADV_POPULATE_READ")
    assert resident(path) == SIZE
    area.close()


def test_what_it_does_not_hold_stays_on_disk(mapped: tuple[Path, mmap.mmap]) -> None:
    path, area = mapped
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), SIZE // 2, SIZE // 2, os.POSIX_FADV_DONTNEED)
    [(address, octets)] = mapped_files(str(path.parent))
    there = sum(length for _, length in held(address, octets))
    if there == SIZE:
        pytest.skip("this file system keeps its files in memory")
    passed(Mapper(str(path.parent)))
    assert resident(path) <= there < SIZE
    area.close()


def test_nothing_is_begun_unwanted_or_twice_in_a_row(mapped: tuple[Path, mmap.mmap]) -> None:
    path, area = mapped
    mapper = Mapper(str(path.parent))
    mapper.maybe(False)
    assert mapper._thread is None
    passed(mapper)
    first = mapper._thread
    mapper.maybe(True)
    assert mapper._thread is first
    mapper.stop()
    area.close()


def test_a_mapping_that_is_gone_is_no_failure(mapped: tuple[Path, mmap.mmap]) -> None:
    path, area = mapped
    [(address, octets)] = mapped_files(str(path.parent))
    area.close()
    assert list(held(address, octets)) == []


def test_stopping_does_not_wait_for_the_rest(mapped: tuple[Path, mmap.mmap]) -> None:
    path, area = mapped
    mapper = Mapper(str(path.parent))
    mapper.maybe(True)
    began = time.monotonic()
    mapper.stop()
    assert time.monotonic() - began < 2
    area.close()
