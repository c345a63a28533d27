"""Whoever asks and gets no answer is deaf, however quiet that is."""

import threading

from park.errors import Unavailable
from runtime.ear import Ear
from tests.tools import until


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self):
        self.at = 100.0

    def __call__(self):
        """Return the time, s."""
        return self.at


def test_a_question_that_hangs():
    """While it hangs time goes by, and then nothing is heard; with the answer it hears again."""
    clock, asked, answer = Clock(), threading.Semaphore(0), threading.Event()
    ear = Ear(lambda: (asked.release(), answer.wait(20)), clock, deaf=5.0)
    ear.start()
    try:
        assert asked.acquire(timeout=10)
        before = ear.hears
        clock.at += 5.0
        hung = ear.hears
        answer.set()
        until(lambda: ear.hears)
    finally:
        answer.set()
        ear.stop()

    assert (True, False) == (before, hung)


def test_a_question_that_fails():
    """Why there was no answer is told."""

    def away():
        raise Unavailable("Kafka is away")

    ear = Ear(away, Clock())
    ear.start()
    try:
        until(lambda: "Kafka is away" in ear.troubles.newest)
    finally:
        ear.stop()
