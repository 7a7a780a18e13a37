"""The sample messages under docs/ are what the code writes today, from a real incident."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from incidents.domain.incident import Message
from incidents.domain.summary import Summary

FOLDER = Path(__file__).parents[2] / "docs" / "messages"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_messages", FOLDER / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_messages_are_what_is_written_today() -> None:
    written = dict(generator().messages())
    assert len(written) == 6
    for name, message in written.items():
        text = f"Subject: {message.subject}\n\n{message.text}"
        assert (FOLDER / f"{name}.txt").read_text(encoding="utf-8") == text, f"run {FOLDER / 'generate.py'}"
        assert (FOLDER / f"{name}.html").read_text(encoding="utf-8") == message.html
        assert (FOLDER / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("kind", list(Message))
def test_the_figures_of_a_real_incident_add_up_in_its_message(kind: Message) -> None:
    told = msgspec.json.decode((FOLDER / "incident.json").read_bytes(), type=dict[Message, Summary])
    summary = told[kind]
    text = (FOLDER / f"{kind}.en.txt").read_text(encoding="utf-8")
    culprit = next(node for node in summary.nodes if node.node in summary.blame.nodes)
    bad, total = map(int, re.findall(r"\n(\d+) of (\d+) attempts on", text)[0])
    assert (bad, total) == (culprit.bad, culprit.attempts)
    statuses = re.findall(r"×(\d+)", next(line for line in text.splitlines() if line.startswith("Bad:")))
    assert sum(map(int, statuses)) == bad
    inside = [p for p in summary.minutes if summary.first_minute <= p.minute <= summary.last_minute]
    assert sum(point.bad for point in inside) == bad
