"""The compiled core: bytes in, bytes out. No I/O but batches of sockets, no store, no asyncio.

A packet's way, one verb a file, conducted by respond.pyx, which alone turns a Status into an rcode:

    serve_udp --> decode --> lookup --> answer --> encode --> serve_udp
    serve_tcp --'              |          |           |--> serve_tcp (its connections' turns: streams)
    engine    --'              |          |           '--> engine (tests, fuzzers, benchmarks)
                             nodes     compose, prove, additional
                               |
               entries, filter (shared memory)   or MISS, for which Python asks the store

Nouns: name, rrset (the stored entry), plan (what an answer will hold), txn (a packet under way), shm (the shared segment),
keys (order of the store), siphash, suffix (compression), edns. Written by control alone: segment. Read the .pxd first.
"""
