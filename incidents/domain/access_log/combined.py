"""Common and combined logs, and what people add behind: key=value, key="value", "value" or value, in any order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from incidents.domain.access_log.escapes import from_default
from incidents.domain.access_log.json_keys import learn
from incidents.domain.access_log.json_values import duration_of
from incidents.domain.access_log.log_format import read_log_format
from incidents.domain.access_log.names import FIELDS, Field
from incidents.domain.access_log.pattern import END, compile_pattern
from incidents.domain.access_log.request import Malformed, Reason
from incidents.domain.access_log.text_lines import Nine, TextLines
from incidents.domain.access_log.variables import MSEC, SHAPES, SOURCES, Shape

COMMON = '$remote_addr $ident $remote_user [$time_local] "$request" $status $body_bytes_sent'
COMBINED = COMMON + ' "$http_referer" "$http_user_agent"'

_EXTRA = re.compile(
    r"""[ ]++(?:([A-Za-z_@][\w.@-]{0,63}+)([=:])(?:"((?:[^"\\]|\\.)*+)"|([^\s"]*+))"""
    r"""|"((?:[^"\\]|\\.)*+)"|([^\s"]++))(?=\s|\Z)""",
    re.ASCII | re.DOTALL,
)
_MOST_EXTRAS = 64
"""Nobody adds more; a hostile line of 64 KiB could hold ten thousand."""

_WORD = Shape(r"[^ \r\n]*+", bounded=False)
"""A value without quotes around it ends at the next space."""


class Extra(NamedTuple):
    """One field after the standard ones: its key ("" for none) with = or :, its value, and whether that is quoted."""

    key: str
    quoted: bool
    value: str


class _Form(NamedTuple):
    """A standard beginning, compiled with anything behind it."""

    name: str
    template: str
    regex: re.Pattern[str]


def _form(name: str, template: str) -> _Form:
    pattern = compile_pattern(read_log_format(template), end=rf"(?P<rest>(?: [^\r\n]*+)?+){END}")
    return _Form(name, template, pattern.regex)


_FORMS = (_form("combined", COMBINED), _form("common", COMMON))


def standard(name: str) -> TextLines:
    """The parser of "common" or "combined" as such: what stands behind is looked over."""
    form = next(form for form in _FORMS if form.name == name)
    return TextLines(name, compile_pattern(read_log_format(form.template)), _Otherwise(form, {}))


def recognise(sample: Sequence[bytes]) -> TextLines | None:
    """The form that most of the sample lines have, with the fields that most of them add; None when there is none."""
    texts = [line.decode("latin-1") for line in sample]
    for form in _FORMS:
        rests = [match["rest"] for match in map(form.regex.fullmatch, texts) if match]
        if rests and 2 * len(rests) >= len(texts):
            return _with_extras(form, [extras for extras in map(extras_of, rests) if extras is not None])
    return None


def extras_of(rest: str) -> list[Extra] | None:
    """The fields in the rest of a line, or None when it is something else."""
    found: list[Extra] = []
    at = 0
    rest = rest.rstrip()
    while at < len(rest) and len(found) < _MOST_EXTRAS:
        match = _EXTRA.match(rest, at)
        if match is None:
            return None
        key, sign, quoted, word, bare_quoted, bare = match.groups()
        if key:
            found.append(Extra(key + sign, quoted is not None, word if quoted is None else quoted))
        else:
            found.append(Extra("", bare_quoted is not None, bare if bare_quoted is None else bare_quoted))
        at = match.end()
    return found


def _with_extras(form: _Form, lines: Sequence[Sequence[Extra]]) -> TextLines:
    shapes = Counter(tuple((extra.key, extra.quoted) for extra in extras) for extras in lines)
    usual = shapes.most_common(1)[0][0] if shapes else ()
    if not usual:
        return standard(form.name)
    keys = _learn(lines)
    template = form.template
    known = dict(SHAPES)
    for number, (key, quoted) in enumerate(usual):
        field = next((field for field, its in keys.items() if key and its == key), None)
        # The canonical variable brings its shape and its meaning; anything else only has to be stepped over.
        variable = _VARIABLES[field] if field else f"extra_{number}"
        template += f' {key}"${{{variable}}}"' if quoted else f" {key}${{{variable}}}"
        if not quoted and variable not in SHAPES:
            known[variable] = _WORD
    pattern = compile_pattern(read_log_format(template), known)
    return TextLines(f"{form.name}+", pattern, _Otherwise(form, keys), {field: key[:-1] for field, key in keys.items()})


_VARIABLES: dict[Field, str] = {field: names[0] for field, names in SOURCES.items() if names} | {"service": "service"}


def _learn(lines: Sequence[Sequence[Extra]]) -> dict[Field, str]:
    """Which key holds what. A time that is not more exact than the standard one is of no use."""
    objects = [{extra.key[:-1]: from_default(extra.value) for extra in extras if extra.key} for extras in lines]
    signs = {extra.key[:-1]: extra.key for extras in lines for extra in extras if extra.key}
    keys = learn(objects)
    found: dict[Field, str] = {
        field: signs[keys.names[field]] for field in FIELDS if field in keys.found and field != "status"
    }
    if "time" in found:
        values = [values[keys.names["time"]] for values in objects if keys.names["time"] in values]
        if not all(re.fullmatch(MSEC, value) for value in values):
            del found["time"]
    return found


class _Otherwise:
    """Lines of the form whose added fields are others, fewer, or in another order than usual."""

    def __init__(self, form: _Form, keys: Mapping[Field, str]) -> None:
        self._fullmatch = form.regex.fullmatch
        self._keys = keys

    def __call__(self, text: str) -> Nine:
        match = self._fullmatch(text)
        if match is None:
            raise Malformed(Reason.NO_MATCH)
        values = {extra.key: extra.value for extra in (self._keys and extras_of(match["rest"])) or ()}
        found: dict[Field, str] = {field: values.get(key, "") for field, key in self._keys.items()}
        found["time"] = found.get("time") or match["time"]
        found["status"] = match["status"]
        # The usual pattern lets only numbers through; here anything may stand behind rt=.
        if duration_of(found.get("request_time")) < 0:
            found["request_time"] = ""
        return tuple(found.get(field, "") for field in FIELDS)
