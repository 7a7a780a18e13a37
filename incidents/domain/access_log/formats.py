"""Choosing the parser: by name, by a log_format, or by looking at the first lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from incidents.domain.access_log import combined
from incidents.domain.access_log.json_keys import Keys, keys_for, learn
from incidents.domain.access_log.json_lines import JsonLines
from incidents.domain.access_log.json_values import UNDECODABLE, Value, object_of
from incidents.domain.access_log.log_format import Literal, LogFormat, Variable, read_log_format
from incidents.domain.access_log.names import FIELDS, Field, usable
from incidents.domain.access_log.pattern import compile_pattern, fields_of
from incidents.domain.access_log.request import Malformed, Parser
from incidents.domain.access_log.text_lines import TextLines
from incidents.domain.errors import UnknownFormat

_LOOKED_AT = 200
_SHOWN = 120
_HOW = "pass --format json, combined, common, or the log_format string from nginx.conf"
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")


def parser_for(format: str, sample: Sequence[bytes] = ()) -> Parser:
    """The parser of a log, from its format and its first lines.

    format: auto, json, combined, common, or a log_format as nginx.conf has it (the string, or the whole directive).
    auto and json need sample lines, to learn the keys, and combined takes from them what is added behind. Otherwise
    they only serve to find out early that the format does not fit: when not one of them does. Raises UnknownFormat.
    """
    lines = [line for line in sample[:_LOOKED_AT] if line.strip()]
    if "$" in format or format.lstrip().startswith("log_format"):
        return _fitting(_by_log_format(read_log_format(format), lines), lines)
    match format.strip().lower():
        case "auto":
            return _auto(lines)
        case "json":
            return _json(lines) or _refuse("json", lines)
        case "combined":
            parser = combined.recognise(lines)
            if parser is not None and parser.name.startswith("combined"):
                return parser
            return _fitting(combined.standard("combined"), lines)
        case "common":
            return _fitting(combined.standard("common"), lines)
    raise UnknownFormat(f"unknown format {_shown(format.encode())}; {_HOW}, or auto")


def _auto(lines: Sequence[bytes]) -> Parser:
    return _json(lines) or combined.recognise(lines) or _refuse("json, combined, common", lines)


def _json(lines: Sequence[bytes]) -> JsonLines | None:
    objects = _objects(lines)
    if not objects or 2 * len(objects) < len(lines):
        return None
    keys = learn(objects)
    if not {"time", "status"} <= keys.found:
        missing = " and ".join(sorted({"time", "status"} - keys.found))
        raise UnknownFormat(
            f"these lines are JSON, but no key holds the {missing}; keys found: "
            f"{_shown(', '.join(dict.fromkeys(key for values in objects for key in values)).encode())}; "
            "name them time and status, or pass --format with the log_format string from nginx.conf"
        )
    return JsonLines(keys)


def _objects(lines: Sequence[bytes]) -> list[Mapping[str, Value]]:
    objects: list[Mapping[str, Value]] = []
    for line in lines:
        try:
            objects.append(object_of(line))
        except Malformed:
            continue
    return objects


def _by_log_format(log_format: LogFormat, lines: Sequence[bytes]) -> Parser:
    keys = _json_keys(log_format, lines)
    return JsonLines(keys) if keys else TextLines("log_format", compile_pattern(log_format))


def _json_keys(log_format: LogFormat, lines: Sequence[bytes]) -> Keys | None:
    """The keys of a log_format that writes a flat JSON object; None when it writes something else."""
    if not log_format.template.lstrip().startswith("{"):
        return None
    # A number stands for every variable, as it is right with and without quotes around it. Its digits say which.
    marks = {f"9{number:06}": token for number, token in enumerate(log_format.tokens) if isinstance(token, Variable)}
    names = {token: mark for mark, token in marks.items()}
    drawn = "".join(token.text if isinstance(token, Literal) else names[token] for token in log_format.tokens)
    try:
        template = msgspec.json.decode(drawn)
    except UNDECODABLE:
        return None
    if not isinstance(template, dict):
        return None
    keys = {marks[str(value)].name: key for key, value in template.items() if str(value) in marks and usable(key)}
    chosen: dict[Field, str] = {}
    for field, variable in fields_of(log_format.tokens).items():
        if variable in keys:
            chosen[field] = keys[variable]
        elif field in ("time", "status"):
            return None
    absent = set(FIELDS) - set(chosen)
    seconds = any(token.name == "msec" and keys.get("msec") == chosen["time"] for token in marks.values())
    return keys_for(chosen, _objects(lines), disbelieved=absent)._replace(seconds=seconds)


def _fitting(parser: Parser, lines: Sequence[bytes]) -> Parser:
    if lines and not parser.parse(lines).requests:
        _refuse(parser.name, lines)
    return parser


def _refuse(tried: str, lines: Sequence[bytes]) -> Parser:
    if not lines:
        raise UnknownFormat(f"no line yet to recognise the format by; wait for one, or {_HOW}")
    raise UnknownFormat(f"tried {tried}: no fit for the first lines, such as {_shown(lines[0])}; {_HOW}")


def _shown(line: bytes) -> str:
    """A line as a terminal can take it, shortened."""
    text = line[: _SHOWN + 1].rstrip(b"\r\n").decode("latin-1")
    safe = _NOT_PRINTABLE.sub(lambda match: f"\\x{ord(match.group()):02x}", text)
    return safe if len(safe) <= _SHOWN else safe[:_SHOWN] + "..."
