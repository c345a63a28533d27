"""When a message was heard first, though the broker sends it again: what is told of it twice is one fact then.

```
 broker ─ the life-safety session ─> FirstEar, then the lane ─ decode ─> stamped as when it was heard first
                                          └ keep: what people were told of, in a file, for whoever begins after us
```
The ids of alarms hold the time of receipt. A fire that was told before Kafka had it (runtime.first_ear,
runtime.ingest_watch) comes again once its message is sent again: to the lane, or to a process that begins anew. Under
the time of its first hearing it is known; under another it would be a second alarm.

That a message is the same is only believed where the broker says so: its DUP flag is set, under the packet id and with
the topic and payload that stand here (MQTT 5, 3.3.1.1 and 4.4), and it was not acknowledged since. A detector that
says the same a second time is a new alarm, and is sent without the flag.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from struct import Struct

from ingest.message import DUP, Message
from park.records import Batch
from runtime.lane_words import Decode
from runtime.merging import joined
from runtime.troubles import Troubles

# ms from the first hearing beyond which a message counts as heard now: what is an hour old is history to the stages
# (stream.fire), and whether people were told of it then nobody here knows. Told twice is better than not at all.
LONGEST = 3_600_000
_ROW = Struct(">2s16sq")  # packet id, digest, epoch ms; _GONE: it was acknowledged
_GONE = -1
_MOST = 1 << 18  # rows of the file, of which 65,535 can stand, before it is written anew
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_log = logging.getLogger(__name__)


class FirstHeard:
    """The messages of a session that were heard and not acknowledged. It belongs to one thread at a time."""

    def __init__(self, path: Path, session: str) -> None:
        """Take up what a process before us kept; `session` names ours at the broker.

        The file is not synced, so it is believed as long as the machine has not begun anew: a row that says that a
        message was acknowledged may not be lost.
        """
        self.troubles = Troubles("first heard")
        self._path = path
        self._head = f"{_boot()} {session}\n".encode()
        self._at: dict[bytes, tuple[bytes, int]] = {}  # by packet id: digest, epoch ms
        self._kept: set[bytes] = set()  # packet ids that stand in the file
        self._rows = 0  # of the file
        with self.troubles.passing("what was heard before cannot be read"):
            self._read()

    def decoded(self, decode: Decode, messages: Sequence[Message], received: int) -> Batch:
        """Return what messages say, each stamped as it was heard first."""
        parts: list[tuple[int, list[Message]]] = []
        for message in messages:
            at = self._heard(message, received)
            if not parts or parts[-1][0] != at:
                parts.append((at, []))
            parts[-1][1].append(message)
        return joined([decode(some, at) for at, some in parts or [(received, [])]])

    def keep(self) -> None:
        """Write down what is not acknowledged, so that a process after us knows it; without fail."""
        fresh = [packet for packet in self._at if packet not in self._kept]
        if fresh:
            self._note(fresh, [(packet, *self._at[packet]) for packet in fresh])

    def forget(self, messages: Sequence[Message]) -> None:
        """Let go of messages that are acknowledged next: the broker may give their packet ids to others."""
        gone = []
        for message in messages:
            packet = message[2]
            known = self._at.get(packet)
            if known is not None and known[0] == _digest(message):
                del self._at[packet]
                gone.append(packet)
        self._strike([packet for packet in gone if packet in self._kept])

    def _heard(self, message: Message, received: int) -> int:
        packet = message[2]
        if not packet:  # at QoS 0 nothing is sent again
            return received
        digest, known = _digest(message), self._at.get(packet)
        if message[3] & DUP and known is not None and known[0] == digest and 0 <= received - known[1] <= LONGEST:
            return known[1]
        self._at[packet] = digest, received
        if packet in self._kept:  # it is another message's now
            self._strike([packet])
        return received

    # ── the file ─────────────────────────────────────────────────────────────────────────────────

    def _read(self) -> None:
        content = self._path.read_bytes() if self._path.exists() else b""
        if not content.startswith(self._head):
            self._path.unlink(missing_ok=True)
            return
        body = content[len(self._head) :]
        for packet, digest, at in _ROW.iter_unpack(body[: len(body) // _ROW.size * _ROW.size]):
            self._at.pop(packet, None)
            if at != _GONE:
                self._at[packet] = digest, at
        if self._at:
            _log.info("%d messages were heard before, and will be sent again", len(self._at))
        self._anew()

    def _strike(self, packets: Sequence[bytes]) -> None:
        """Say that packet ids stand for nothing any more that will be sent again."""
        if packets:
            self._kept.difference_update(packets)
            self._note((), [(packet, bytes(16), _GONE) for packet in packets])

    def _note(self, kept: Sequence[bytes], rows: Sequence[tuple[bytes, bytes, int]]) -> None:
        """Write rows. Where that fails nothing of the file holds any more: it would lack what was struck out."""
        with self.troubles.passing("what was heard cannot be kept"):
            try:
                if not self._kept or self._rows + len(rows) > _MOST:
                    self._anew()
                else:
                    self._append(rows)
                    self._kept.update(kept)
            except OSError:
                self._kept.clear()
                with suppress(OSError):
                    self._path.unlink(missing_ok=True)
                raise
            self.troubles.over()

    def _append(self, rows: Sequence[tuple[bytes, bytes, int]]) -> None:
        with self._path.open("ab") as file:
            file.write(b"".join(_ROW.pack(*row) for row in rows))
        self._rows += len(rows)

    def _anew(self) -> None:
        """Write what is not acknowledged, and nothing else; no file where there is nothing."""
        self._kept.clear()
        self._path.unlink(missing_ok=True)
        if self._at:
            with self._path.open("wb") as file:
                file.write(self._head)
            self._rows = 0
            self._append([(packet, *known) for packet, known in self._at.items()])
            self._kept.update(self._at)


def _digest(message: Message) -> bytes:
    topic, payload, _, _ = message
    return blake2b(topic + b"\0" + payload, digest_size=16).digest()  # no topic has a NUL (MQTT 5, 1.5.4)


def _boot() -> str:
    """Return what names this run of the machine."""
    with suppress(OSError):
        return _BOOT.read_text().strip()
    return ""
