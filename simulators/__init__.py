"""A labelled park: trades, devices, faults, fires."""
