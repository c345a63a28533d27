"""From facts to people: cases, suppression, escalation, routing, outbox; pure, over stores that are handed in."""
