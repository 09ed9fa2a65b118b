# Stage 2: from txn.sname to what it is. RFC 1034 4.3.2 as amended by 2181, 2308, 4592, 6672, 8020.

from nsblast._core.nodes cimport Sources
from nsblast._core.status cimport Status
from nsblast._core.txn cimport Txn

# FOUND, NXDOMAIN, DELEGATION, DNAME, NO_ZONE; or MISS, BUSY, CORRUPT, SERVFAIL. Sets node, apex, encloser, wildcard.
cdef Status lookup(Txn* txn, const Sources* src) noexcept nogil
