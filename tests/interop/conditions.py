"""Conditions of differences.toml: each decides for one difference whether the rule of that name fits."""
