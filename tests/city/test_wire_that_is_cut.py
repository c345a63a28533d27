"""The wire that other tests cut."""

import socket
import threading
from contextlib import closing

import pytest

from tests.city.wire import Wire


@pytest.fixture
def echo():
    """Run a server that says again what it hears; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    while heard := peer.recv(100):
                        peer.sendall(heard)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_cut(echo):
    """While it is cut nothing comes and nobody is told; mended, what was said meanwhile arrives."""
    with Wire(echo) as wire, closing(socket.create_connection(("127.0.0.1", wire.port))) as client:
        client.sendall(b"one")
        assert b"one" == client.recv(100)
        wire.cut()
        client.sendall(b"two")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(100)
        wire.mend()
        client.settimeout(10)
        assert b"two" == client.recv(100)


def test_who_comes_meanwhile(echo):
    """Who connects to a wire that is cut is connected, hears nothing, and is heard once it is mended."""
    with Wire(echo) as wire:
        wire.cut()
        with closing(socket.create_connection(("127.0.0.1", wire.port))) as client:
            client.sendall(b"hello")
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.recv(100)
            wire.mend()
            client.settimeout(10)
            assert b"hello" == client.recv(100)


def test_who_hangs_up(echo):
    """The end of one side is the end of the other."""
    with Wire(echo) as wire, closing(socket.create_connection(("127.0.0.1", wire.port))) as client:
        client.sendall(b"one")
        client.recv(100)
        client.shutdown(socket.SHUT_WR)
        client.settimeout(10)
        assert b"" == client.recv(100)
