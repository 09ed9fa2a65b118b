"""The slow twin: the packet path once more in plain Python, obvious rather than fast, for differential tests."""
