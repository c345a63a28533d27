"""Slice MQTT packets out of what a socket gave: bytes in, messages and other packets out. No socket, no paho.

QoS 1 PUBLISH packets become messages at once; every other whole packet goes to `others`. What is not whole yet
waits in `_tail`. Properties of MQTT 5 are skipped unread: we offer no topic aliases, so none can matter.
"""

from collections.abc import Callable

from ingest.message import Cut, Message

_HEADROOM = 128 * 1024  # bytes a packet may have beside its payload: topic (64 KiB) and properties
_PUBLISH = 0x30


class Slicer:
    """One connection's packets. A new connection needs a new one."""

    def __init__(self, others: Callable[[int, bytes], bool], max_payload: int, *, v5: bool) -> None:
        """Take `others`: deals with (command, body) of a packet; False: stop, the connection is at its end."""
        self.messages: list[Message] = []
        self.taken = 0  # bytes since `messages` was last empty
        self._others = others
        self._v5 = v5
        self._max_payload = max_payload
        self._largest = max_payload + _HEADROOM
        self._tail = b""
        self._skip = 0  # bytes still to come of a packet that is too large
        self._cut = (0, b"", 0)  # of that packet: command, what is kept, whole length

    def take(self, limit: int) -> list[Message]:
        """Return up to `limit` messages, in order of arrival."""
        if len(self.messages) <= limit:
            some, self.messages = self.messages, []
            self.taken = 0
        else:
            some = self.messages[:limit]
            del self.messages[:limit]
        return some

    def feed(self, got: bytes) -> bool:
        """Take bytes off the wire. False: they are no MQTT, or `others` said stop."""
        if self._skip:
            dropped = min(self._skip, len(got))
            self._skip -= dropped
            if self._skip:
                return True
            if not self._finish_cut():
                return False
            got = got[dropped:]
        buffer = self._tail + got if self._tail else got
        pos, end = 0, len(buffer)
        v5, put = self._v5, self.messages.append
        while end - pos >= 2:
            length = buffer[pos + 1]
            head = pos + 2
            if length > 127:  # a varint of up to four bytes
                length, head = varint(buffer, pos + 1, end)
                if head == 0:
                    break  # not all of it is here
                if head < 0:
                    return False
            stop = head + length
            if stop > end:
                if length > self._largest and end - head >= self._largest:
                    self._begin_cut(buffer, pos, head, length)
                    return True
                break
            command = buffer[pos]
            if command & 0xF6 == 0x32 and length > 4:  # PUBLISH, QoS 1, whatever its DUP and RETAIN
                middle = head + 2 + (buffer[head] << 8 | buffer[head + 1])
                body = middle + 2
                if v5:
                    if body >= stop:
                        body = stop + 1  # malformed: `others` knows what to say
                    elif buffer[body] == 0:
                        body += 1
                    else:
                        body = _after_properties(buffer, body, stop)
                if body <= stop:
                    put((buffer[head + 2 : middle], buffer[body:stop], buffer[middle : middle + 2], command & 15))
                    pos = stop
                    continue
            pos = stop
            if not self._others(command, buffer[head:stop]):
                return False
        self.taken += pos
        self._tail = buffer[pos:] if pos else buffer
        return True

    def _begin_cut(self, buffer: bytes, pos: int, head: int, length: int) -> None:
        """Keep the beginning of a packet that is too large, and let the rest pass by."""
        self.taken += pos
        self._cut = buffer[pos], buffer[head : head + self._largest], length
        self._skip = length - (len(buffer) - head)
        self._tail = b""

    def _finish_cut(self) -> bool:
        """Hand on what was kept of a packet that was too large."""
        command, kept, length = self._cut
        qos = command >> 1 & 3
        if command & 0xF0 != _PUBLISH or qos > 1:
            return self._others(command, kept)
        middle = 2 + (kept[0] << 8 | kept[1])
        body = middle + 2 * qos
        if self._v5:
            body = _after_properties(kept, body, len(kept))
            if body > len(kept):
                return False
        payload = Cut(kept[body : body + self._max_payload + 1])  # one byte too many says that it is too large
        payload.size = length - body
        self.taken += len(payload)
        self.messages.append((kept[2:middle], payload, kept[middle : middle + 2 * qos], command & 15))
        return True


def _after_properties(buffer: bytes, at: int, stop: int) -> int:
    """Return where the payload begins; past `stop` if the properties are no such thing."""
    length, body = varint(buffer, at, stop)
    return body + length if body > 0 else stop + 1


def varint(buffer: bytes, at: int, end: int) -> tuple[int, int]:
    """Return (number, position after it); position 0: more is needed, -1: no such number."""
    number = 0
    for i in range(4):
        if at + i >= end:
            return 0, 0
        number |= (buffer[at + i] & 127) << 7 * i
        if buffer[at + i] < 128:
            return number, at + i + 1
    return 0, -1
