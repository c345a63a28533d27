"""A network namespace for a role, with a cable of its own to each engine: what is cut here is the network itself.

Nothing comes through a cable that is cut, and nobody is told: packets go to an address that no card has. Unlike
behind a wire (tests.city.wire), TCP notices: it sends again, and gives up in the end. Needs root, and iproute2.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests.city.wire import Wire

_NOBODY = "02:00:00:00:66:66"
_MASK = 30


@dataclass
class Cable:
    """A pair of cards: ours, and the one in the namespace."""

    space: str
    card: str
    ours: str  # address
    theirs: str

    def cut(self) -> None:
        """Let nothing through."""
        _ip("neigh", "replace", self.theirs, "lladdr", _NOBODY, "dev", self.card, "nud", "permanent")
        _ip("-n", self.space, "neigh", "replace", self.ours, "lladdr", _NOBODY, "dev", self.card, "nud", "permanent")

    def mend(self) -> None:
        """Let everything through."""
        _ip("neigh", "del", self.theirs, "dev", self.card)
        _ip("-n", self.space, "neigh", "del", self.ours, "dev", self.card)


@dataclass
class Way:
    """How a process is joined to engines: words before its command, where its health is seen, what can be cut."""

    before: Sequence[str]
    host: str
    cables: dict[str, Cable] | dict[str, Wire]
    wires: dict[str, Wire]  # where it finds each engine


@contextmanager
def joined(number: int, engines: dict[str, int], *, cables: bool) -> Iterator[Way]:
    """Join a process to engines, ports of our loopback: by cables from a namespace of its own, or by wires.

    `number` tells the processes of one test from each other.
    """
    with ExitStack() as stack:
        if cables:
            yield stack.enter_context(_apart(number, engines))
        else:
            wires = {name: stack.enter_context(Wire(port)) for name, port in engines.items()}
            yield Way((), "127.0.0.1", wires, wires)


@contextmanager
def _apart(number: int, engines: dict[str, int]) -> Iterator[Way]:
    """Make a namespace with a cable to each engine; and one more, never cut, to look at its health."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces are made by root, with iproute2")
    space = f"park-{os.getpid()}-{number}"
    net = f"10.{128 + os.getpid() % 100}"
    with ExitStack() as stack:
        _ip("netns", "add", space)
        stack.callback(_ip, "netns", "del", space)
        _ip("-n", space, "link", "set", "lo", "up")
        cables = {}
        for n, name in enumerate(["health", *engines]):
            card, third = f"pk{os.getpid() % 10_000}-{number}{n}", 16 * number + n
            ours, theirs = f"{net}.{third}.1", f"{net}.{third}.2"
            _ip("link", "add", card, "type", "veth", "peer", "name", card, "netns", space)
            stack.callback(subprocess.run, ["ip", "link", "del", card], check=False, capture_output=True)
            _ip("addr", "add", f"{ours}/{_MASK}", "dev", card)
            _ip("link", "set", card, "up")
            _ip("-n", space, "addr", "add", f"{theirs}/{_MASK}", "dev", card)
            _ip("-n", space, "link", "set", card, "up")
            cables[name] = Cable(space, card, ours, theirs)
        wires = {name: stack.enter_context(Wire(port, cables[name].ours)) for name, port in engines.items()}
        health = cables.pop("health")
        yield Way(("ip", "netns", "exec", space), health.theirs, cables, wires)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
