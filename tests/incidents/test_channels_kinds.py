"""Kinds of channels: the built-in ones, and those that other projects add."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from outgoing import outgoing

import incidents.channels
from incidents.channels import Channel, Outgoing, kinds, open_channel
from incidents.domain import rulebook
from incidents.domain.errors import BadSetting


class Pager(Channel):
    """Somebody else's adapter."""

    @property
    def target(self) -> str:
        return "a pager"

    def send(self, outgoing: Outgoing, deadline_seconds: float) -> str:
        return f"beep {outgoing.key}"


NOT_A_CHANNEL = 7


@pytest.fixture
def installed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A project on the path whose metadata names two kinds, as an installer would leave it."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "pagers-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pagers\nVersion: 1.0\n")
    group = incidents.channels.GROUP
    (info / "entry_points.txt").write_text(f"[{group}]\npager = {__name__}:Pager\nbroken = {__name__}:NOT_A_CHANNEL\n")
    monkeypatch.syspath_prepend(str(folder))
    yield


@pytest.mark.usefixtures("installed")
def test_another_project_can_add_a_kind() -> None:
    assert "pager" in kinds()
    found = open_channel(rulebook.Channel("p", "pager"))
    assert found.send(outgoing(), 1.0).startswith("beep ")


@pytest.mark.usefixtures("installed")
def test_what_is_no_channel_is_refused() -> None:
    with pytest.raises(BadSetting, match="channel p: kind 'broken' is no subclass"):
        open_channel(rulebook.Channel("p", "broken"))


def test_an_unknown_kind_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(BadSetting, match="channel p: unknown kind 'fax'; known are apprise, console, mail, webhook"):
        open_channel(rulebook.Channel("p", "fax"))
