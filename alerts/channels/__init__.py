"""Channels over HTTP: one row a channel, each a pure function to a request and one from the reply.

To add one: a file with `compose` and `verdict`, and a row here. Mail and sounders, which are no HTTP, are
the runtime's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alerts.channels import alertmanager, dingtalk, feishu, gateway, webhook, wecom
from park.delivery import Channel, Format, Message, Post, Reply, Target, Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """How a channel is spoken to."""

    format: Format
    most: int  # bytes of text that it takes
    compose: Callable[[Message, Target, str], Post] | None = None  # message, target, address; None: no HTTP
    verdict: Callable[[Reply], Verdict] | None = None
    together: bool = True  # whether several alarms may be told in one message


CHANNELS: Mapping[Channel, Row] = MappingProxyType({
    Channel.DINGTALK: Row(Format.MARKDOWN, dingtalk.MOST, dingtalk.compose, dingtalk.verdict),
    Channel.WECOM: Row(Format.MARKDOWN, wecom.MOST, wecom.compose, wecom.verdict),
    Channel.FEISHU: Row(Format.MARKDOWN, feishu.MOST, feishu.compose, feishu.verdict),
    Channel.WEBHOOK: Row(Format.PLAIN, webhook.MOST, webhook.compose, webhook.verdict),
    Channel.ALERTMANAGER: Row(Format.PLAIN, webhook.MOST, alertmanager.compose, webhook.verdict),
    Channel.SMS: Row(Format.PLAIN, gateway.SMS_MOST, gateway.compose, webhook.verdict),
    Channel.VOICE: Row(Format.PLAIN, gateway.VOICE_MOST, gateway.compose, webhook.verdict),
    Channel.EMAIL: Row(Format.HTML, 200_000),
    Channel.SOUNDER: Row(Format.PLAIN, 1_000, together=False),
})  # fmt: skip
