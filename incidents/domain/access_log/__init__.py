"""Access-log lines in, requests out: `parser_for(format, sample).parse(lines)`.

formats      which parser: by name, by log_format, by looking at the first lines
json_lines   JSON: many lines a call       json_keys, names   which key holds what
json_values  one JSON line, with patience
text_lines   text: one match a line        pattern            a log_format as one linear expression
log_format   reading nginx's directive     variables          what nginx's variables look like
combined     common, combined and what people add to them
times, escapes   how moments and odd bytes are written
attempts     the upstreams one request tried
"""

from incidents.domain.access_log.attempts import NO_LIVE_UPSTREAM, Attempt, attempts, node_name
from incidents.domain.access_log.formats import parser_for
from incidents.domain.access_log.request import LONGEST_LINE, Batch, Parser, Reason, Request

__all__ = [
    "LONGEST_LINE",
    "NO_LIVE_UPSTREAM",
    "Attempt",
    "Batch",
    "Parser",
    "Reason",
    "Request",
    "attempts",
    "node_name",
    "parser_for",
]
