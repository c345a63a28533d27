"""Dialects: pure functions from a topic and a payload to samples, one file each."""
