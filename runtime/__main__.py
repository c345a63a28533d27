"""`python -m runtime` is the `park` command."""

from runtime.cli import main

main()
