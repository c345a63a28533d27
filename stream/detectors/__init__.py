"""Detectors: stages that learn what is usual."""
