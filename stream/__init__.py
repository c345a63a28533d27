"""The stages: pure, columnar, in one order."""
