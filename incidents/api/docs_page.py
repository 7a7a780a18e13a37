"""/docs: the operations as one page without any script or asset from elsewhere, made from the OpenAPI document."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
code,pre{font-family:ui-monospace,monospace;font-size:.9em}
pre{background:#f3f4f6;padding:.75rem;overflow:auto}
summary{cursor:pointer;padding:.4rem 0}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #d8dce1}
.method{font-weight:700}
@media(prefers-color-scheme:dark){
body{color:#e6e8eb;background:#14171a}pre{background:#1f2428}td,th{border-color:#363c42}a{color:#8ab4f8}}
"""

CSP = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing but this one style sheet; the browser refuses the rest."""


def page(document: Mapping[str, Any], root_path: str) -> str:
    """The page. Everything is escaped: descriptions may hold what looks like markup."""
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width,initial-scale=1">',
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(info['title'])}</h1>",
        *(f"<p>{escape(text)}</p>" for text in info.get("description", "").split("\n\n")),
        f'<p>The same as OpenAPI: <a href="{escape(root_path)}/openapi.json">openapi.json</a></p>',
    ]
    for tag, operations in _by_tag(document).items():
        parts.append(f"<h2>{escape(tag)}</h2>")
        parts.extend(_operation(path, method, operation) for path, method, operation in operations)
    return "".join([*parts, "</body></html>"])


def _by_tag(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str, Mapping[str, Any]]]]:
    found: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append((path, method, operation))
    return found


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(_parameter(parameter) for parameter in operation.get("parameters", ()))
    table = f"<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>{rows}</table>" if rows else ""
    answers = ", ".join(operation["responses"])
    return (
        f"<details id={escape(operation['operationId'])}><summary><span class=method>{method.upper()}</span> "
        f"<code>{escape(path)}</code> {escape(operation.get('summary', ''))}</summary>"
        f"<p>{escape(operation.get('description', ''))}</p>{table}<p>Answers: {escape(answers)}</p></details>"
    )


def _parameter(parameter: Mapping[str, Any]) -> str:
    needed = " (required)" if parameter.get("required") else ""
    cells = (
        f"<code>{escape(parameter['name'])}</code>{needed}",
        escape(parameter["in"]),
        escape(_type(parameter["schema"])),
        escape(parameter.get("description", "")),
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("format") or schema.get("type", ""))
