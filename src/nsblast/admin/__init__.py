"""The control process: the only writer of the store and of the shared segment, and who speaks with operators."""
