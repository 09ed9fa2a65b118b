"""Who may do what: accounts on the store, log-in, permissions. Knows nothing of HTTP."""
