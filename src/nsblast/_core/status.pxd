# The one return type of the core's functions. Every stage returns a Status, `noexcept nogil`;
# only respond.pyx turns a Status into an rcode, an extended error and a counter.

cdef enum Status:
    OK = 0          # done, go on
    # -- decode: what the packet deserves
    SILENT          # no answer is due (a response, fewer than 12 octets)
    FORMERR         # malformed: RFC 1035 4.1.1
    NOTIMP          # opcode or query type this server does not have
    BADVERS         # EDNS version above 0: RFC 6891 6.1.3
    BADCOOKIE       # a cookie is demanded and the one given is not ours: RFC 7873 5.2.3
    COOKIE_ONLY     # QDCOUNT 0 with a COOKIE option: RFC 7873 5.4
    CHAOS           # class CH: version.bind and friends
    HAND_OVER       # Python serves it: AXFR, IXFR, NOTIFY, UPDATE, TSIG
    # -- lookup: what the name turned out to be
    FOUND           # the name exists, or a wildcard stands in for it; the type is still to be chosen
    NXDOMAIN        # the name does not exist: RFC 8020
    DELEGATION      # a zone cut lies at or above the name
    DNAME           # a DNAME lies above the name: RFC 6672
    NO_ZONE         # the name is in no zone of ours
    # -- answer: what follows
    FOLLOW          # a CNAME or DNAME leads to another name: look that up too
    # -- any stage
    ABSENT          # a node or RRset that certainly does not exist
    MISS            # the store must be asked first; what for is in txn.miss
    BUSY            # the zone is being replaced this very moment: ask again in a millisecond
    TRUNCATED       # did not fit
    CORRUPT         # a stored entry breaks its format: SERVFAIL
    SERVFAIL        # a limit of this server was reached, or the zone has expired
