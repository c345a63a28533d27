"""Each channel speaks as its other side asks for, and takes each answer for what it is."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from alerts import templates
from alerts.channels import CHANNELS, feishu
from alerts.templates.texts import STATE
from park.alarms import MessageKind
from park.delivery import Channel, Facts, Message, Outcome, Reply, Target
from park.events import Severity
from park.metrics import METRICS

NOW = 1_795_219_200_000
FACTS = Facts(
    "case-7/1/0/raised/all", 7, MessageKind.RAISED, Severity.CRITICAL, life=True, at=NOW, family="fire",
    rule="fire.confirmed", park="西兴", place="A 幢 101", device="@all <font color=red>*x*</font>", reason="alarm",
    since=NOW, value=1.0, basis="GB/T 45839-2025", runbook_zh="拨打 119", runbook_en="Call 119",
)  # fmt: skip
HTTP = [channel for channel, row in CHANNELS.items() if row.compose is not None]


def sent(channel, *facts, address="+8613800000000", **more):
    """Return the request of a channel for some facts."""
    target = Target("desk", channel, "https://x.example/hook?key=K", "S", **more)
    told = facts or (FACTS,)
    message = Message(
        "id-1", templates.title(told, target.language), templates.text(told, target, "https://p.example"), told, NOW,
        "https://p.example/#/alarms/7",
    )  # fmt: skip
    return CHANNELS[channel].compose(message, target, address)


def verdict(channel, status, body=b"", after=""):
    """Return what a channel makes of a reply."""
    return CHANNELS[channel].verdict(Reply(status, body, after))


@pytest.mark.parametrize("channel", HTTP)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_bodies(channel, language):
    """Every channel sends JSON that holds the place, in either language."""
    post = sent(channel, language=language)

    assert "A 幢 101" in json.dumps(json.loads(post.body), ensure_ascii=False)
    assert "https://x.example/hook" == post.url.partition("?")[0]


def test_dingtalk_sign():
    """DingTalk gets the time, and its sign by the secret, in the address."""
    asked = parse_qs(urlsplit(sent(Channel.DINGTALK).url).query)
    expected = base64.b64encode(hmac.new(b"S", f"{NOW}\nS".encode(), hashlib.sha256).digest()).decode()

    assert (["K"], [str(NOW)], [expected]) == (asked["key"], asked["timestamp"], asked["sign"])


def test_feishu_sign():
    """Feishu gets the time in seconds, and a sign whose key is time and secret, in the body."""
    body = json.loads(sent(Channel.FEISHU).body)

    assert (str(NOW // 1_000), feishu.sign("S", NOW // 1_000)) == (body["timestamp"], body["sign"])


def test_alertmanager_shape():
    """What speaks to Alertmanager finds version, status, labels and a fingerprint that stays."""
    first = json.loads(sent(Channel.ALERTMANAGER).body)
    over = Facts("case-7/2/0/returned/all", 7, MessageKind.RETURNED, Severity.LOW, life=False, at=NOW + 1)
    second = json.loads(sent(Channel.ALERTMANAGER, over).body)

    assert ("4", "firing", "fire.confirmed") == (
        first["version"], first["status"], first["alerts"][0]["labels"]["alertname"]
    )  # fmt: skip
    assert "resolved" == second["status"]
    assert first["alerts"][0]["fingerprint"] == second["alerts"][0]["fingerprint"]


@pytest.mark.parametrize("channel", [Channel.DINGTALK, Channel.WECOM, Channel.FEISHU])
def test_markdown_escaped(channel):
    """What a device is called commands no chat: no tag, no mention, no mark."""
    text = json.dumps(json.loads(sent(channel).body), ensure_ascii=False)

    assert "<font" not in text
    assert "@all" not in text
    assert "\\\\*x\\\\*" in text


def test_html_escaped():
    """What a device is called is text in a mail."""
    text = templates.text((FACTS,), Target("m", Channel.EMAIL), "")

    assert "&lt;font color=red&gt;" in text


@pytest.mark.parametrize("channel", list(CHANNELS))
def test_size(channel):
    """However many alarms and however long their words, a message keeps within its channel's bounds."""
    long = Facts(
        "n", 1, MessageKind.RAISED, Severity.LOW, life=False, at=NOW, place="长" * 5_000, runbook_zh="文" * 5_000
    )
    target = Target("m", channel)

    assert len(templates.text((long,) * 50, target, "https://p.example").encode()) <= CHANNELS[channel].most


ROBOTS = {Channel.DINGTALK: "errcode", Channel.WECOM: "errcode", Channel.FEISHU: "code"}


@pytest.mark.parametrize("channel", list(ROBOTS))
@pytest.mark.parametrize(
    ("status", "number", "outcome"),
    [(200, 0, Outcome.DELIVERED), (200, 45009, Outcome.LATER), (200, 310000, Outcome.LATER), (200, None, Outcome.LATER),
     (500, 0, Outcome.LATER), (429, None, Outcome.LATER), (400, None, Outcome.DEAD)],
)  # fmt: skip
def test_robots(channel, status, number, outcome):
    """A robot has a message when it says so by its number, and by nothing else."""
    body = b"<html>garbage" if number is None else json.dumps({ROBOTS[channel]: number, "errmsg": "x"}).encode()

    assert outcome is verdict(channel, status, body).outcome


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, Outcome.DELIVERED), (204, Outcome.DELIVERED), (301, Outcome.DEAD), (400, Outcome.DEAD),
     (401, Outcome.LATER), (404, Outcome.LATER), (408, Outcome.LATER), (413, Outcome.DEAD), (429, Outcome.LATER),
     (500, Outcome.LATER), (503, Outcome.LATER), (599, Outcome.LATER), (100, Outcome.DEAD)],
)  # fmt: skip
def test_statuses(status, outcome):
    """A webhook's status says whether it has it, will have it, or never takes it."""
    assert outcome is verdict(Channel.WEBHOOK, status).outcome


@pytest.mark.parametrize(
    ("header", "expected"),
    [("120", 120_000), ("", None), ("soon", None), ("Wed, 21 Oct 2026 07:28:00 GMT", 60_000), ("-5", None),
     ("9" * 40, None), ("١٢", None)],
)  # fmt: skip
def test_retry_after(header, expected):
    """Retry-After in seconds is taken, as a date it is a minute, and nonsense is none."""
    assert expected == verdict(Channel.WEBHOOK, 429, after=header).after


def test_no_secret_comes_back():
    """A receiver that answers with our own key does not bring it into a receipt or a trouble."""
    key = "0123456789abcdefghijABCDEFGHIJ"
    said = [
        verdict(Channel.WEBHOOK, 200, json.dumps({"id": key}).encode()).said,
        verdict(Channel.DINGTALK, 200, json.dumps({"errcode": 1, "errmsg": f"bad token {key}"}).encode()).said,
    ]

    assert key not in "".join(said)


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b"\xff\xfe", b'{"errcode": "0"}', b"null", b"[]"])
@pytest.mark.parametrize("channel", HTTP)
def test_garbage(channel, body):
    """No answer whatever breaks a channel."""
    assert verdict(channel, 200, body).outcome in set(Outcome)


PASSED = Facts(
    "n", 1, MessageKind.RAISED, Severity.HIGH, life=False, at=NOW, family="limit.residual_current",
    rule="limit.residual_current", park="柳溪", place="8号楼401", device="8号楼401 电气火灾", metric_zh="剩余电流",
    metric_en="Residual current", value=307.0, limit=300.0, unit="mA",
)  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "language", "expected"),
    [
        (PASSED, "zh", "[高] 报警 剩余电流 超限 柳溪 8号楼401 电气火灾"),
        (PASSED, "en", "[High] Alarm Residual current limit passed 柳溪 8号楼401 电气火灾"),
        (replace(PASSED, device="电表"), "zh", "[高] 报警 剩余电流 超限 柳溪 8号楼401 电表"),
        (replace(PASSED, metric_zh=""), "zh", "[高] 报警 超限 limit.residual_current 柳溪 8号楼401 电气火灾"),
    ],
)
def test_title_in_words(facts, language, expected):
    """A title names what is measured and not its rule's code, and a place that its device is named after once."""
    assert expected == templates.title((facts,), language)


def test_states_in_words():
    """A state is told by its word in Chinese; every state of the catalogue has one."""
    facts = replace(FACTS, metric_zh="手动报警按钮", metric_en="Manual call point", value_text="alarm")
    said = {
        x: templates.text((facts,), Target("d", Channel.WEBHOOK, "https://x", language=x), "") for x in ("zh", "en")
    }

    assert "手动报警按钮 报警" in said["zh"]
    assert "Manual call point alarm" in said["en"]
    assert {code for metric in METRICS.values() for code in metric.codes} <= STATE.keys()
