"""The server of pages and API, on one machine and in a city."""

import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from park.settings import ApiSettings
from runtime.doorway import doorway


class WebServer(uvicorn.Server):
    """A server that lets live pages go as soon as it is told to stop, and so need not cut them off."""

    def __init__(self, leaving: Callable[[], None], app: FastAPI, settings: ApiSettings) -> None:
        """`leaving` ends the live streams."""
        super().__init__(
            uvicorn.Config(
                app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, lifespan="on",
                http=doorway(settings),
            )
        )  # fmt: skip
        self._leaving = leaving

    def leave(self) -> None:
        """Stop soon; from any thread, twice is as good as once."""
        # Whoever runs may hold what we would wait for: hence a thread.
        threading.Thread(target=self._leaving).start()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take the sign to stop."""
        threading.Thread(target=self._leaving).start()
        super().handle_exit(sig, frame)
