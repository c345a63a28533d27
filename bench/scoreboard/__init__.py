"""How well the detectors find what they are for, on labelled data."""
