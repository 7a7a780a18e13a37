"""Channels and the routes that lead to them, from the tree of a document."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from collections.abc import Sequence

from incidents.configcentre import outside, words
from incidents.configcentre.channel_options import CHANNEL_TYPES, SECRETS, ChannelSection, options_of
from incidents.configcentre.checking import Check, child_of, joined
from incidents.configcentre.document import MATCHERS, MatchSection, RouteSection
from incidents.configcentre.yaml_file import Items, Mapping, Node, Scalar, kind_of
from incidents.domain.rulebook import Channel, Route


def read_channels(check: Check, node: Mapping, environ: AbstractMapping[str, str]) -> tuple[Channel, ...]:
    found = []
    for name, child in node.nodes.items():
        path = f"channels.{name}"
        check.name(name, node.key_lines[name], "channels")
        if not isinstance(child, Mapping):
            check.problem(child.line, path, f"expected keys such as `type: console`, not {kind_of(child)}")
            continue
        kind = child.nodes.get("type")
        if not isinstance(kind, Scalar) or kind.text is None:
            line = node.key_lines[name] if kind is None else kind.line
            check.problem(line, path, f"needs `type`: {', '.join(CHANNEL_TYPES)}")
            continue
        model = CHANNEL_TYPES.get(kind.text)
        if model is None:
            message = f"there is no channel type {words.quoted(kind.text)}{words.closest(kind.text, CHANNEL_TYPES)}"
            check.problem(kind.line, f"{path}.type", message)
            continue
        filled, failed = _from_outside(check, child, path, environ)
        section = check.section(model, filled, path, failed)
        if section is not None:
            found.append(Channel(name, kind.text, options_of(section), section.language, section.timezone))
    return tuple(found)


def _from_outside(
    check: Check, node: Mapping, path: str, environ: AbstractMapping[str, str]
) -> tuple[Mapping, set[str]]:
    """The channel with `${NAME}` and `{file: ...}` replaced, and the keys for which that was not possible."""
    nodes, failed = {}, set()
    for key, child in node.nodes.items():
        try:
            nodes[key] = child if key in ChannelSection.model_fields else _value(key, child, environ)
        except ValueError as error:
            check.problem(child.line, joined(path, key), str(error))
            nodes[key] = child
            failed.add(key)
    return Mapping(node.line, nodes, node.key_lines), failed


def _value(key: str, node: Node, environ: AbstractMapping[str, str]) -> Node:
    if isinstance(node, Scalar) and node.text is not None:
        return Scalar(node.line, outside.filled_in(node.text, environ))
    if isinstance(node, Items):
        return Items(node.line, tuple(_value(key, item, environ) for item in node.nodes))
    if isinstance(node, Mapping) and list(node.nodes) == ["file"]:
        if key not in SECRETS:
            raise ValueError(f"only {', '.join(sorted(SECRETS))} can be read from a file")
        path = node.nodes["file"]
        if not isinstance(path, Scalar) or not path.text:
            raise ValueError("expected the path of a file after `file:`")
        # The path is taken as it stands: it is shown when it cannot be read, so nothing secret may be put into it.
        return Scalar(path.line, outside.read_secret(path.text))
    return node


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
