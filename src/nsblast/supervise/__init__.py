"""The supervisor and what its children need of the system: start, watch, replace, stop."""
