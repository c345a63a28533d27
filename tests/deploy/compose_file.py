"""docker-compose.yml as tests read it: anchors and merges resolved, variables filled in."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
VARIABLES = {"PARK_UID": "1000", "PARK_GID": "1000", "KAFKA_CLUSTER_ID": "O49vksdsgnyoVHCVfhs2dQ"}
VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?:(:-|:\?)([^}]*))?\})")


def filled(text, variables=VARIABLES):
    """Return a text with its variables, as compose fills them in."""

    def value(found):
        dollar, name, how, other = found.groups()
        if dollar:
            return "$"
        if name not in variables and how != ":-":
            raise KeyError(name)
        return variables.get(name, other)

    return VARIABLE.sub(value, text)


def everywhere(part, change):
    """Return a part of the file with every text in it changed."""
    if isinstance(part, dict):
        return {key: everywhere(value, change) for key, value in part.items()}
    if isinstance(part, list):
        return [everywhere(value, change) for value in part]
    return change(part) if isinstance(part, str) else part


def compose(variables=VARIABLES):
    """Return the file as compose takes it."""
    return everywhere(yaml.safe_load(FILE.read_text("utf-8")), lambda text: filled(text, variables))


def texts(part):
    """Return every text in a part of the file."""
    found = []
    everywhere(part, lambda text: found.append(text) or text)
    return found
