"""Attacks on the admin API, over real HTTP."""
