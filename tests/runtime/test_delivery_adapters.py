"""Mail and sounders, against a mail server and a broker on this machine."""

import json
import socketserver
import threading

import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from alerts import templates
from park.alarms import MessageKind
from park.delivery import Channel, Facts, Message, Outcome, Target
from park.events import Severity
from park.settings import DeliverySettings, IngestSettings
from runtime.broker import Broker, Kind, installed
from runtime.delivery_chart import png
from runtime.delivery_mail import Mail, composed
from runtime.delivery_sounder import Sounder, is_on
from tests.tools import until

NOW = 1_795_219_200_000
FACTS = Facts(
    "case-7/1/0/raised/all", 7, MessageKind.RAISED, Severity.HIGH, life=False, at=NOW, family="limit", park="西兴",
    place="A 幢", metric_zh="电压", metric_en="Voltage", unit="V", value=250.0, limit=242.0, since=NOW, point=40,
)  # fmt: skip


def message(*facts, chart=b""):
    """Return a message about some facts."""
    told = facts or (FACTS,)
    text = templates.text(told, Target("mail", Channel.EMAIL), "")
    return Message("id-1", templates.title(told, "zh"), text, told, NOW, "", chart)


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server that takes mails in the clear, or answers RCPT with a code."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, code=250):
        self.code, self.mails = code, []
        super().__init__(("127.0.0.1", 0), _Session)
        self.url = f"smtp://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 there\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                mail = b""
                while (row := self.rfile.readline()) != b".\r\n":
                    mail += row
                self.server.mails.append(mail)
            self.wfile.write(f"{self.server.code}\r\n".encode() if verb == b"RCPT" else b"250 ok\r\n")


def test_mail():
    """A mail has the title, the words, both ways of showing them, and an id that stays."""
    with MailServer() as server:
        target = Target("mail", Channel.EMAIL, server.url, trusted=True)
        verdict = Mail(DeliverySettings())(message(), target, "wang@example.com")

    (mail,) = server.mails
    assert Outcome.DELIVERED is verdict.outcome
    assert b"Message-ID: <id-1@" in mail
    assert b"text/plain" in mail
    assert b"text/html" in mail


@pytest.mark.parametrize(("code", "outcome"), [(550, Outcome.DEAD), (451, Outcome.LATER)])
def test_mail_refused(code, outcome):
    """An address that is none is dead, one that is busy is tried again."""
    with MailServer(code) as server:
        target = Target("mail", Channel.EMAIL, server.url, trusted=True)

        assert outcome is Mail(DeliverySettings())(message(), target, "wang@example.com").outcome


def test_mail_barred():
    """A mail server that the API names is not on this machine unless the settings allow it."""
    with MailServer() as server:
        target = Target("mail", Channel.EMAIL, server.url)
        verdict = Mail(DeliverySettings())(message(), target, "wang@example.com")

    assert (Outcome.LATER, []) == (verdict.outcome, server.mails)


def test_chart_in_mail():
    """A chart is in the mail that shows it."""
    value = np.array([230.0, np.nan, 251.0])
    picture = png(FACTS, np.array([NOW - 120_000, NOW - 60_000, NOW]), value)
    mail = composed(message(chart=picture), "park@example.com", "wang@example.com")

    assert picture.startswith(b"\x89PNG")
    assert ["image/png"] == [p.get_content_type() for p in mail.walk() if p.get_content_maintype() == "image"]


def test_no_chart():
    """Where there is nothing to draw there is no picture."""
    assert b"" == png(FACTS, np.array([NOW]), np.array([np.nan]))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [(b"ON", True), (b'{"state": "ON"}', True), (b'{"alarm": true}', True), (b"OFF", False), (b'{"state": 0}', False),
     (b"", False), (b"\xff\xfe", False), (b"[" * 9_000, False), (b'{"other": "ON"}', False)],
)  # fmt: skip
def test_is_on(payload, expected):
    """A device says in its own way that it is on; nonsense does not."""
    assert expected is is_on(payload)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    running = Broker.start(tmp_path_factory.mktemp("broker"), port=0)
    yield running
    running.stop()


@pytest.mark.server
@pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed")
class TestSounder:
    @pytest.fixture
    def device(self, broker):
        """A sounder that says of itself what the test tells it to."""
        says, got = [b'{"state": "ON"}'], []
        client = mqtt.Client(CallbackAPIVersion.VERSION2, "sounder1")

        def told(client, _userdata, message):
            got.append(json.loads(message.payload))
            if says[0] is not None:
                client.publish("parks/p/sounder1", says[0], 1)

        ready = []
        client.on_message = told
        client.on_subscribe = lambda *_: ready.append(1)
        client.connect("127.0.0.1", broker.port)
        client.subscribe("parks/p/sounder1/set", 1)
        client.loop_start()
        until(lambda: ready)
        yield says, got
        client.disconnect()
        client.loop_stop()

    def sounded(self, broker, facts=FACTS, patience=5.0):
        """Return the verdict on a command."""
        settings = IngestSettings(broker_host="127.0.0.1", broker_port=broker.port)
        target = Target("horn", Channel.SOUNDER, "mqtt:parks/p/sounder1/set?state=parks/p/sounder1")
        return Sounder(lambda: settings, patience)(message(facts), target, "")

    def test_on(self, broker, device):
        """A sounder that says that it is on is the receipt."""
        verdict = self.sounded(broker)

        assert (Outcome.DELIVERED, "ON", "id-1") == (verdict.outcome, device[1][0]["state"], device[1][0]["id"])

    @pytest.mark.parametrize("says", [None, b'{"state": "OFF"}'])
    def test_not_on(self, broker, device, says):
        """A command that the broker took, and no device confirmed, is tried again."""
        device[0][0] = says

        assert Outcome.LATER is self.sounded(broker, patience=0.5).outcome

    def test_over(self, broker, device):
        """What is over turns no sounder off: that is a person's to do."""
        over = Facts("n", 7, MessageKind.RETURNED, Severity.LOW, life=True, at=NOW)

        assert (Outcome.DELIVERED, []) == (self.sounded(broker, over).outcome, device[1])
