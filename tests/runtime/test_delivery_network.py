"""Addresses that may be spoken to, and the ends of attempts: no waiting for ever, no words with secrets."""

import socket
import threading
import time

import pytest

from park.delivery import Post
from park.settings import DeliverySettings
from runtime.delivery_network import Barred, Network, allowed
from tests.alerts.receivers import Receiver
from tests.tools import free_port

NONE, PRIVATE, LOOPBACK = DeliverySettings(), DeliverySettings(private_networks=True), DeliverySettings(loopback=True)


@pytest.fixture
def network():
    there = Network(LOOPBACK, time.monotonic)
    yield there
    there.close()


@pytest.mark.parametrize(
    ("address", "none", "private", "loopback"),
    [
        ("93.184.215.14", True, True, True),
        ("10.0.0.1", False, True, False),
        ("192.168.1.1", False, True, False),
        ("127.0.0.1", False, False, True),
        ("::1", False, False, True),
        ("::ffff:127.0.0.1", False, False, True),
        ("::ffff:10.0.0.1", False, True, False),
        ("64:ff9b::7f00:1", False, False, True),
        ("169.254.169.254", False, False, False),
        ("fe80::1%eth0", False, False, False),
        ("0.0.0.0", False, False, False),
        ("224.0.0.1", False, False, False),
        ("100.64.0.1", False, False, False),
        ("fd00::1", False, True, False),
        ("2606:4700::1111", True, True, True),
    ],
)
def test_allowed(address, none, private, loopback):
    """Public addresses are spoken to; private ones and our own where settings say so; metadata of clouds never."""
    assert (none, private, loopback) == tuple(
        allowed(address, s, trusted=False) for s in (NONE, PRIVATE, LOOPBACK)
    )  # fmt: skip


def test_barred():
    """A name that leads to where it must not is not spoken to."""
    network = Network(NONE, time.monotonic)
    with Receiver() as receiver, pytest.raises(Barred):
        network.send(Post(f"http://localhost:{receiver.port}/"), trusted=False)
    network.close()
    assert [] == receiver.got


def test_trusted():
    """What the settings name may be on this machine."""
    network = Network(NONE, time.monotonic)
    with Receiver() as receiver:
        assert 200 == network.send(Post(receiver.url, body=b"{}"), trusted=True).status
    network.close()


def test_no_redirect(network):
    """A receiver does not send us elsewhere."""
    with Receiver(lambda _: (302, {"Location": "http://169.254.169.254/"}, b"")) as receiver:
        assert 302 == network.send(Post(receiver.url, body=b"{}"), trusted=False).status


def test_refused(network):
    """A receiver that is away is told as such, without its address."""
    with pytest.raises(ConnectionError, match="refused") as why:
        network.send(Post(f"http://127.0.0.1:{free_port()}/key-that-nobody-sees"), trusted=False)
    assert "nobody-sees" not in str(why.value)


def test_silent(network):
    """A receiver that takes the message and says nothing ends an attempt in its time."""
    gate = threading.Event()
    with Receiver(lambda _: (gate.wait(10), (200, {}, b""))[1]) as receiver:
        with pytest.raises(TimeoutError, match="too long"):
            network.send(Post(receiver.url, body=b"{}"), trusted=False, timeout=0.2)
        gate.set()


def test_drop_by_drop(network):
    """A receiver that answers for ever, a byte at a time, ends an attempt in its time."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip():
        there, _ = listening.accept()
        with there:
            there.recv(65_536)
            there.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
            while not over.wait(0.02):
                try:
                    there.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        network.send(Post(f"http://127.0.0.1:{listening.getsockname()[1]}/"), trusted=False, timeout=0.4)
    took = time.monotonic() - began
    over.set()
    thread.join()
    listening.close()

    assert took < 60  # all of it would take twenty minutes


def test_endless(network):
    """Of an answer without end as much is read as is looked at."""
    with Receiver(lambda _: (200, {}, b"x" * 1_000_000)) as receiver:
        assert 64 << 10 == len(network.send(Post(receiver.url, body=b"{}"), trusted=False).body)
