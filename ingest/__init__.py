"""Bytes to readings: dialects, the resolver, and the MQTT client."""
