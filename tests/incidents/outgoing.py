"""Notifications for the tests of channels."""

from __future__ import annotations

from sample_summary import plain

from incidents.channels import Outgoing
from incidents.domain.incident import Message
from incidents.render import Rendered, render

KEY = "0192f3aa-7c1e-7d11-9d55-6c1f00000001"
ONSET_KEY = "0192f3aa-7c1e-7d11-9d55-6c1f00000000"


def outgoing(
    kind: Message = Message.ONSET, key: str = KEY, rendered: Rendered | None = None, onset_key: str | None = None
) -> Outgoing:
    message = rendered or render(
        kind, plain(), language="zh-CN", timezone="Asia/Shanghai", link="https://t.example/i/1"
    )
    document: dict[str, object] = {"kind": kind.value, "incident": {"id": "319ddf5ea38024b9", "service": "order 订单"}}
    return Outgoing(key, "319ddf5ea38024b9", onset_key, kind, message, document)
