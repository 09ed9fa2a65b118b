"""Store keys of names: byte order is DNSSEC canonical order (format in keys.pxd)."""

def name_key(wire: bytes) -> bytes:
    """The name key, lower case; ValueError for a malformed name."""

def owner_key(wire: bytes, apex_labels: int) -> bytes:
    """The owner key in the zone whose apex is the suffix of `apex_labels` labels, without the leading letter; ValueError when that cannot be."""

def split_owner_key(key: bytes) -> tuple[bytes, int]:
    """(name in wire form, labels of its zone's apex); ValueError for anything else."""

def name_of_key(key: bytes) -> bytes:
    """The wire form of a name key; ValueError for anything else."""

def hash_keys(keys: list[bytes], seed: tuple[int, int], skip: int = 0) -> bytes:
    """Hashes of the names of many keys, as a native-endian array of u64; `skip` octets come before each key."""

def ascending_keys(entries: list[tuple[bytes, bytes]], prefix: bytes, last: bytes) -> list[bytes]:
    """The key of each (key, blob) after `prefix`; ValueError naming the first that does not come after the one before it, or `last`."""
