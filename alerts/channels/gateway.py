"""SMS and calls by a gateway's webhook: who is called, and what is said."""

from alerts.channels.webhook import signed
from park.delivery import Message, Post, Target

SMS_MOST = 1_000  # bytes: about 330 Chinese characters, five parts of a long message
VOICE_MOST = 700  # bytes: half a minute when it is read out


def compose(message: Message, target: Target, address: str) -> Post:
    """Return the request."""
    body = {"id": message.id, "channel": target.channel, "to": address, "text": message.text}
    return signed(message, target, body)
