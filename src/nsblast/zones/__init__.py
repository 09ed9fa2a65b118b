"""Zones: what they hold, what they must obey, and how they are changed."""
