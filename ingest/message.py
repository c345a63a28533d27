"""A message as it came off the wire.

A plain tuple: at 40,000 a second, an object with names would cost more than reading the message.
"""

RETAIN, QOS, DUP = 1, 6, 8  # bits of `flags`

# topic, payload, packet id (b"" at QoS 0), flags of the PUBLISH
Message = tuple[bytes, bytes, bytes, int]


class Cut(bytes):
    """The beginning of a payload that was too large to keep."""

    size = 0  # bytes of the whole
