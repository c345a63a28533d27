"""The words that every room shares: no I/O, no clock, no other room."""
