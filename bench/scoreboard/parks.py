"""Simulated parks that nothing was chosen on: other seeds, seasons and sizes than the park of `simulator`.

One park is soon known by heart. Figures are of all of these together, and the worst park's stands beside each. Spring
Festival lies in the first, National Day in the second, both behind the weeks of learning; the third is a small park's
spring. `python -m bench.scoreboard.parks 2025-08-15:34:45 ...` measures others: first day, seed, enterprises.
"""

import sys

from bench.scoreboard.simulator import begin, figures_of, measured
from bench.scoreboard.words import Figure

PARKS = (("2025-12-15", 23, 45), ("2025-08-15", 34, 45), ("2025-03-01", 45, 24))  # first day, seed, enterprises


def figures(parks: tuple[tuple[str, int, int], ...] = PARKS) -> list[Figure]:
    """Return the rows of the scoreboard."""
    return list(figures_of("parks", [measured(begin(day), seed, firms) for day, seed, firms in parks]))


if __name__ == "__main__":
    asked = tuple((day, int(seed), int(firms)) for day, seed, firms in (park.split(":") for park in sys.argv[1:]))
    for figure in figures(asked or PARKS):
        print(f"{figure.key:50} {figure.value:8.4f}  aim {figure.aim:8} {figure.note}")
