"""A labelled park: trades, devices, faults, fires; pure in its seed and in time."""
