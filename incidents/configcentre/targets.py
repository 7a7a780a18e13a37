"""Channels and the routes that lead to them, from the tree of a document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Mapping as AbstractMapping
from dataclasses import dataclass

from incidents.configcentre import outside, words
from incidents.configcentre.channel_options import CHANNEL_TYPES, COMMON, SECRETS, ChannelSection, section_of
from incidents.configcentre.checking import Check, child_of, joined
from incidents.configcentre.document import MATCHERS, MatchSection, RouteSection
from incidents.configcentre.tree import Items, Mapping, Node, Scalar, kind_of
from incidents.domain.errors import BadSetting
from incidents.domain.rulebook import Channel, Route


@dataclass(frozen=True, slots=True)
class Outside:
    """What may be asked while channels are read.

    environ: where `${NAME}` comes from; None when nothing is to be taken from outside, and a channel that would is
    read without options. opens: makes an adapter of a channel, or raises BadSetting.
    """

    environ: AbstractMapping[str, str] | None
    opens: Callable[[Channel], object] | None = None


def read_channels(check: Check, node: Mapping, outer: Outside) -> tuple[Channel, ...]:
    found = []
    for name, child in node.nodes.items():
        path = f"channels.{name}"
        check.name(name, node.key_lines[name], "channels")
        if not isinstance(child, Mapping):
            check.problem(child.line, path, f"expected keys such as `type: console`, not {kind_of(child)}")
            continue
        channel = _channel(check, name, child, path, outer)
        if channel is not None:
            found.append(channel)
    return tuple(found)


def _channel(check: Check, name: str, node: Mapping, path: str, outer: Outside) -> Channel | None:
    kind = node.nodes.get("type")
    if not isinstance(kind, Scalar) or kind.text is None:
        check.problem(node.line if kind is None else kind.line, path, f"needs `type`: {', '.join(CHANNEL_TYPES)}")
        return None
    try:
        model = section_of(kind.text)
    except ValueError as error:
        check.problem(kind.line, f"{path}.type", str(error))
        return None
    if outer.environ is None and any(_refers(child) for key, child in node.nodes.items() if key not in COMMON):
        common = {key: child for key, child in node.nodes.items() if key in COMMON}
        shown = check.section(ChannelSection, Mapping(node.line, common, node.key_lines), path)
        return Channel(name, kind.text, {}, shown.language, shown.timezone) if shown else None
    filled, failed = _from_outside(check, node, path, outer.environ or {})
    section = check.section(model, filled, path, failed)
    if section is None:
        return None
    channel = Channel(name, kind.text, section.options(), section.language, section.timezone)
    if outer.opens is not None:
        try:
            outer.opens(channel)
        except BadSetting as error:
            check.problem(node.line, path, str(error).removeprefix(f"channel {name}: "))
    return channel


def _refers(node: Node) -> bool:
    """Whether a value comes from outside."""
    if isinstance(node, Scalar):
        return node.text is not None and outside.refers(node.text)
    if isinstance(node, Items):
        return any(map(_refers, node.nodes))
    return "file" in node.nodes or any(map(_refers, node.nodes.values()))


def _from_outside(
    check: Check, node: Mapping, path: str, environ: AbstractMapping[str, str]
) -> tuple[Mapping, set[str]]:
    """The channel with `${NAME}` and `{file: ...}` replaced, and the keys for which that was not possible."""
    nodes, failed = {}, set()
    for key, child in node.nodes.items():
        try:
            nodes[key] = child if key in COMMON else _value(key, child, environ)
        except ValueError as error:
            check.problem(child.line, joined(path, key), str(error))
            nodes[key] = child
            failed.add(key)
    return Mapping(node.line, nodes, node.key_lines), failed


def _value(key: str, node: Node, environ: AbstractMapping[str, str]) -> Node:
    if isinstance(node, Scalar):
        return node if node.text is None else Scalar(node.line, outside.filled_in(node.text, environ))
    if isinstance(node, Items):
        return Items(node.line, tuple(_value(key, item, environ) for item in node.nodes))
    if list(node.nodes) != ["file"]:
        values = {name: _value(key, value, environ) for name, value in node.nodes.items()}
        return Mapping(node.line, values, node.key_lines)
    if key not in SECRETS:
        raise ValueError(f"only {', '.join(sorted(SECRETS))} can be read from a file")
    path = node.nodes["file"]
    if not isinstance(path, Scalar) or not path.text:
        raise ValueError("expected the path of a file after `file:`")
    # The path is taken as it stands: it is shown when it cannot be read, so nothing secret may be put into it.
    return Scalar(path.line, outside.read_secret(path.text))


def read_routes(check: Check, node: Node | None, channels: Sequence[str], labels: set[str]) -> tuple[Route, ...]:
    """The routes in order. `channels` and `labels` are the names that a route may speak of."""
    found = []
    for number, child in enumerate(node.nodes if isinstance(node, Items) else ()):
        path = f"routes[{number}]"
        section = check.section(RouteSection, child, path)
        match = child_of(child, "match")
        matcher = check.section(MatchSection, match, f"{path}.match")
        _no_slips(check, match, f"{path}.match", labels)
        if section is None or matcher is None:
            continue
        for channel in section.channels:
            if channel not in channels:
                message = f"there is no channel `{channel}`{words.closest(channel, channels)}"
                check.problem(_line_of(child, "channels", channel), f"{path}.channels", message)
        patterns: dict[str, str] = matcher.model_extra or {}
        found.append(Route(section.channels, matcher.service, matcher.node, matcher.severity, patterns, section.stop))
    return tuple(found)


def _no_slips(check: Check, match: Mapping, path: str, labels: set[str]) -> None:
    """Any label may be named, also one that no service has yet; `sevrity` is a slip and would match nothing, ever."""
    for label in match.nodes:
        if label not in MATCHERS and label not in labels:
            near = words.closest(label, (*MATCHERS, *labels), cutoff=0.75)
            if near.startswith(";"):
                check.problem(match.key_lines[label], path, f"no service has the label `{label}`{near}")


def _line_of(node: Node, key: str, text: str) -> int:
    """The line of one value in a list under a key."""
    found = node.nodes[key] if isinstance(node, Mapping) else node
    for item in found.nodes if isinstance(found, Items) else ():
        if isinstance(item, Scalar) and item.text is not None and item.text.strip() == text:
            return item.line
    return found.line
