"""The DNS worker process: its sockets, the glue between compiled answers and the event loop, misses, query log."""
