"""A load generator: prebuilt MQTT packets in big writes, one connection, QoS 1.

Every message has its own time and values: the packets of one round are the rows of a byte matrix
whose digits are rewritten by numpy before each send. The parent grants credit (messages in all that
may be sent) over a pipe, so that a saturated broker's queue stays bounded and nothing is dropped.
"""

import argparse
import selectors
import socket
import struct
import sys
import time

import numpy as np

METRICS = (
    "power",
    "voltage.a",
    "voltage.b",
    "voltage.c",
    "current.a",
    "current.b",
    "current.c",
    "power_factor",
    "frequency",
)
SHAPE = {"power": ("%.3f", 100, 90), "power_factor": ("%.5f", 0.8, 0.19), "frequency": ("%.4f", 49.9, 0.2)}
_VOLTAGE, _CURRENT = ("%.3f", 225, 8), ("%.3f", 10, 20)


def span_of(metric: str) -> tuple[str, float, float]:
    """Return how a metric's values are written, the lowest, and by how much the highest is above it."""
    return SHAPE.get(metric, _VOLTAGE if metric.startswith("v") else _CURRENT)


def topics(devices: int, gateways: int = 20, parks: int = 1) -> list[str]:
    """Return the topics of the devices; the registry of bench/park_of_load.py knows the same."""
    codes = park_codes(parks)
    return [f"parks/{codes[d % parks]}/bulk/g{d // parks % gateways:02d}/d{d:05d}" for d in range(devices)]


def park_codes(parks: int) -> list[str]:
    """Return the codes of the load's parks, all of one length."""
    return ["bench"] if parks == 1 else [f"p{n:04d}" for n in range(parks)]


def _varint(n: int) -> bytes:
    out = b""
    while True:
        n, low = divmod(n, 128)
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


def packets(names: list[str], rng: np.random.Generator) -> tuple[np.ndarray, int, int, list[tuple[int, int]]]:
    """Return (matrix of packets, column of the packet id, column of the time, columns of value digits)."""
    rows, marks, values = [], (0, 0), []
    for name in names:
        parts = []
        for metric in METRICS:
            form, low, span = span_of(metric)
            parts.append(f'"{metric}":' + (form % (low + span * rng.random())).rjust(7))
        body = ('{"ts":1700000000000,"v":{' + ",".join(parts) + "}}").encode()
        topic = name.encode()
        rest = struct.pack(">H", len(topic)) + topic + b"\0\0" + body
        packet = b"\x32" + _varint(len(rest)) + rest
        rows.append(np.frombuffer(packet, np.uint8))
        at = packet.index(topic) + len(topic)
        start = packet.index(b"17000000000")
        marks = (at, start)
        values = [(packet.index(f'"{m}":'.encode()) + len(m) + 3 + 5, 2) for m in METRICS]
    return np.stack(rows), marks[0], marks[1], values


def digits(number: int, width: int) -> np.ndarray:
    """Return the decimal digits of a number as bytes."""
    return np.frombuffer(str(number).zfill(width).encode(), np.uint8)


def connect(host: str, port: int) -> socket.socket:
    """Open a clean MQTT 3.1.1 session (its PUBACK is always 4 bytes) and return its socket."""
    sock = socket.create_connection((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = b"bench-load"
    rest = struct.pack(">H", 4) + b"MQTT" + bytes([4, 2]) + struct.pack(">H", 600) + struct.pack(">H", len(name)) + name
    sock.sendall(b"\x10" + _varint(len(rest)) + rest)
    head = sock.recv(4096)
    if head[:1] != b"\x20" or head[3] != 0:
        sys.exit(f"the broker refused: {head!r}")
    return sock


def main() -> None:
    """Send at a rate, or as fast as credit allows, for some seconds; print what was sent and acknowledged."""
    ask = argparse.ArgumentParser()
    ask.add_argument("--host", default="127.0.0.1")
    ask.add_argument("--port", type=int, required=True)
    ask.add_argument("--devices", type=int, default=2_000)
    ask.add_argument("--parks", type=int, default=1)
    ask.add_argument("--rate", type=float, default=0, help="messages a second; 0: as credit allows")
    ask.add_argument("--seconds", type=float, default=60)
    ask.add_argument("--window", type=int, default=20_000, help="messages not acknowledged by the broker yet")
    ask.add_argument(
        "--credit", action="store_true", help="read lines with the number of messages that may be sent in all"
    )
    args = ask.parse_args()

    rng = np.random.default_rng(7)
    matrix, id_at, ts_at, value_at = packets(topics(args.devices, parks=args.parks), rng)
    count, width = matrix.shape
    sock = connect(args.host, args.port)
    sock.setblocking(False)
    poll = selectors.DefaultSelector()
    poll.register(sock, selectors.EVENT_READ)
    if args.credit:
        import os

        os.set_blocking(0, False)
    granted = 0 if args.credit else 1 << 62
    sent = acked = 0
    ack_bytes = 0
    text = b""
    begin = time.monotonic()
    pending = memoryview(b"")
    block = 250
    tail = stamp = 0
    while True:
        elapsed = time.monotonic() - begin
        over = elapsed >= args.seconds
        if over and not pending and (acked >= sent or elapsed > args.seconds + 30):
            break
        if args.credit:
            import os

            try:
                text += os.read(0, 65536)
            except BlockingIOError:
                pass
            lines = text.split(b"\n")
            text = lines.pop()
            if lines:
                granted = int(lines[-1])
        due = int(elapsed * args.rate) if args.rate else 1 << 62
        room = min(due - sent, granted - sent, args.window - (sent - acked))
        if not over and not pending and room >= (block if not args.rate else 1):
            n = min(room, 4 * block, count - tail)
            rows = matrix[tail : tail + n]
            ids = (np.arange(sent, sent + n) % 65_535 + 1).astype(">u2").view(np.uint8).reshape(n, 2)
            rows[:, id_at : id_at + 2] = ids
            if not tail:  # a new round of all devices: none repeats a time, however fast it goes
                stamp = max(int(time.time() * 1000), stamp + 1)  # noqa: TID251 - devices have clocks
            rows[:, ts_at : ts_at + 13] = digits(stamp, 13)
            noise = rng.integers(48, 58, (n, len(value_at)), dtype=np.uint8)
            for i, (at, _) in enumerate(value_at):
                rows[:, at] = noise[:, i]
            pending = memoryview(rows.tobytes())
            sent += n
            tail = (tail + n) % count
        poll.modify(sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if pending else 0))
        wait = 0.0005 if pending or room > 0 else 0.002
        for _, mask in poll.select(wait):
            if mask & selectors.EVENT_WRITE and pending:
                try:
                    pending = pending[sock.send(pending) :]
                except BlockingIOError:
                    pass
            if mask & selectors.EVENT_READ:
                got = sock.recv(1 << 20)
                if not got:
                    sys.exit("the broker closed the connection")
                ack_bytes += len(got)
                acked = ack_bytes // 4
        if args.rate and not pending:
            time.sleep(0.004)
    print(f'{{"sent": {sent}, "acked": {acked}, "seconds": {time.monotonic() - begin:.3f}}}', flush=True)
    _ = width


if __name__ == "__main__":
    main()
