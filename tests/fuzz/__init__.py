"""Fuzz targets, each with its sentence, its corpus and its replay test."""
