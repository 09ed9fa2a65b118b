"""What a process of the server is given at birth and what it may do to itself: channel, privileges, limits."""
