"""What holds for every test."""

from hypothesis import settings

# A shared machine is no stopwatch: no test fails for being slow but by the whole run's time limit.
settings.register_profile("park", deadline=None)
settings.load_profile("park")
