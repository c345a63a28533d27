"""A wire between a role and an engine, for tests to cut: what is cut stays connected and carries nothing.

That is what a pulled cable, a dead switch or a firewall that forgets look like from above: nobody is told anything.
It is harder than an engine that ends, which resets what was connected. After `mend` what was said meanwhile arrives.
"""

import asyncio
import contextlib
import threading
from typing import Self


class Wire:
    """A relay of TCP on a loopback port."""

    def __init__(self, to: int, host: str = "127.0.0.1") -> None:
        """Carry what comes to `host` on to a port of this machine's loopback; its own port is chosen."""
        self.to = to
        self.host = host
        self.port = 0
        self.lag = 0.0  # s that each piece takes
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._ending = asyncio.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), name="wire")
        self._thread.start()
        assert self._listening.wait(10)

    @property
    def address(self) -> str:
        """host:port."""
        return f"{self.host}:{self.port}"

    def cut(self) -> None:
        """Carry nothing from now on."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def mend(self) -> None:
        """Carry again, and first what waits."""
        self._loop.call_soon_threadsafe(self._open.set)

    def close(self) -> None:
        """Hang up."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ── in the loop ──────────────────────────────────────────────────────────────────────────────

    async def _serve(self) -> None:
        self._open.set()
        carrying: set[asyncio.Task[None]] = set()

        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            carrying.add(task)
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._joined(reader, writer)
            carrying.discard(task)

        server = await asyncio.start_server(accepted, self.host, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._ending.wait()
        server.close()
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry both ways until one side hangs up."""
        ends = [writer]
        try:
            await self._open.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
            ends.append(back)
            ways = {asyncio.create_task(self._carry(*way)) for way in ((reader, back), (there, writer))}
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            for end in ends:
                end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(1 << 16):
                if self.lag:
                    await asyncio.sleep(self.lag)
                await self._open.wait()
                writer.write(piece)
                await writer.drain()
            await self._open.wait()  # not even the end of what is said gets through
