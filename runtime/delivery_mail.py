"""Mail over SMTP, with TLS: the text as HTML and plain, the chart beside it, an id that never changes.

`smtps://user@host:465` speaks TLS from the start, `smtp://user@host:587` goes over to it (RFC 3207) and sends
nothing without; only a server on this machine is spoken to in the clear, and never with a password.
"""

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from park.delivery import Message, Outcome, Target, Verdict
from park.settings import DeliverySettings
from runtime.delivery_network import Barred, allowed

_TIMEOUT = 10.0  # s of one step
_PORTS = {"smtp": 587, "smtps": 465}
Allow = Callable[[str], bool]


class Mail:
    """Sends one mail per message."""

    def __init__(self, settings: DeliverySettings) -> None:
        self._settings = settings

    def __call__(self, message: Message, target: Target, address: str) -> Verdict:
        """Bring a message to an address. Raises OSError: the server is away."""
        parts = urlsplit(target.url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        user = unquote(parts.username or "")
        sender = user if "@" in user else f"park@{host}"
        try:
            server = self._connected(parts.scheme, host, port, trusted=target.trusted)
            try:
                if user and target.secret:
                    server.login(user, target.secret)
                server.send_message(composed(message, sender, address), sender, [address])
            finally:
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    server.quit()  # the mail is taken, or not: how they say goodbye changes nothing
                server.close()
        except Barred as why:
            return Verdict(Outcome.LATER, str(why), 300_000)
        except smtplib.SMTPResponseException as why:  # its text may hold what was sent: the code must do
            # RFC 5321, 4.2.1: 4xx may pass another time, 5xx will not; a password is mended by people.
            wrong = why.smtp_code >= 500 and not isinstance(why, smtplib.SMTPAuthenticationError)
            return Verdict(Outcome.DEAD if wrong else Outcome.LATER, f"SMTP {why.smtp_code}")
        except smtplib.SMTPRecipientsRefused as why:
            code = next(iter(why.recipients.values()))[0]
            return Verdict(Outcome.DEAD if code >= 500 else Outcome.LATER, f"SMTP {code}: the address is refused")
        except smtplib.SMTPException as why:
            return Verdict(Outcome.LATER, f"the mail server breaks off ({type(why).__name__})")
        return Verdict(Outcome.DELIVERED, f"SMTP 250 {message.id}")

    def _connected(self, scheme: str, host: str, port: int, *, trusted: bool) -> smtplib.SMTP:
        context = ssl.create_default_context()
        address = _resolved(host, port, lambda ip: allowed(ip, self._settings, trusted=trusted))
        if scheme == "smtps":
            return _Smtps(address, host, port, context)
        server = _Smtp(address, host, port)
        server.ehlo_or_helo_if_needed()
        if server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
        elif not _local(address):
            server.close()
            raise ConnectionError("the mail server offers no TLS: nothing is sent in the clear")
        return server


def _resolved(host: str, port: int, allow: Allow) -> str:
    """Return an address of a host that may be spoken to. Raises Barred, OSError."""
    try:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise ConnectionError("the mail server's name is not known") from None
    if not found or not all(allow(ip) for ip in found):
        raise Barred("the target's address is one that this platform does not speak to")
    return found[0]


def _local(address: str) -> bool:
    return address == "::1" or address.startswith("127.")


class _Smtp(smtplib.SMTP):
    """A connection to an address that was seen to, known by the host's name to TLS."""

    def __init__(self, address: str, host: str, port: int) -> None:
        self._address = address
        super().__init__(timeout=_TIMEOUT)
        self._host = host  # what starttls checks the certificate against
        code, said = self.connect(host, port)
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, said)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        del host
        return socket.create_connection((self._address, port), timeout)


class _Smtps(smtplib.SMTP_SSL):
    """The same, with TLS from the start."""

    def __init__(self, address: str, host: str, port: int, context: ssl.SSLContext) -> None:
        self._address = address
        super().__init__(timeout=_TIMEOUT, context=context)
        self._host = host  # what the certificate is checked against
        code, said = self.connect(host, port)
        if code != 220:
            self.close()
            raise smtplib.SMTPConnectError(code, said)

    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:
        plain = socket.create_connection((self._address, port), timeout)
        return self.context.wrap_socket(plain, server_hostname=host)


def composed(message: Message, sender: str, address: str) -> EmailMessage:
    """Return a mail. Its Message-ID is the message's id, so that a second one is known as such."""
    mail = EmailMessage()
    mail["Subject"] = message.title
    mail["From"] = sender
    mail["To"] = address
    mail["Date"] = formatdate(message.sent / 1_000)
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note is an answer
    if message.facts[0].life:
        mail["X-Priority"] = "1"
    mail.set_content(_plain(message.text))
    picture = '<p><img src="cid:chart" alt="chart"></p>' if message.chart else ""
    mail.add_alternative(f"<html><body>{message.text}{picture}</body></html>", subtype="html")
    if message.chart:
        html = mail.get_payload()[1]  # type: ignore[index]
        html.add_related(message.chart, "image", "png", cid="<chart>", filename="chart.png")  # type: ignore[union-attr]
    return mail


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.lines.append(data.strip())


def _plain(html: str) -> str:
    """Return the words of a text of ours."""
    words = _Words()
    words.feed(html)
    return "\n".join(words.lines)
