"""The database: RocksDB behind one key layout; one writer, many readers."""
