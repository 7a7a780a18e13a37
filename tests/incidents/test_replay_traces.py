"""Two recordings of a real nginx through the whole engine: every fault is told once, with its node and true sums."""

from __future__ import annotations

import subprocess
from collections import Counter
from functools import lru_cache
from pathlib import Path

import msgspec
import pytest
from trace_table import FORMATS, TRACES, Fault, counts, faults, path, replayed, rows, table, truth

from backends.replay import read_logs
from incidents.domain.incident import CulpritKind, State
from incidents.domain.minute import MINUTE
from incidents.domain.rulebook import Rulebook
from incidents.domain.summary import Summary
from incidents.replay import Replay, replay

FAULTS = [(trace, fault) for trace in TRACES for fault in faults(trace)]
REAL = [pytest.param(trace, fault, id=fault.id) for trace, fault in FAULTS if fault.wants_incident]
# T1-02 ends with 2 bad of 80, T2-02 begins with 1 of 72: noise to the rule, so these incidents are a minute shorter.
COMPARABLE = [parameters for parameters in REAL if parameters.id not in ("T1-02", "T2-02")]
HARMLESS = [pytest.param(trace, fault, id=fault.id) for trace, fault in FAULTS if not fault.wants_incident]
AWK = r"""
# Field 1 of what is printed: attempts of one service by node and status, over the minutes from..to.
function epoch(text,   part, month) {      # 23/Nov/2026:02:47:00 +0000 -> seconds since the epoch
    split(text, part, "[/: ]")
    month = (index("JanFebMarAprMayJunJulAugSepOctNovDec", part[2]) + 2) / 3
    return days(part[3], month, part[1]) * 86400 + part[4] * 3600 + part[5] * 60 + part[6]
}
function days(year, month, day,   leap) {
    if (month <= 2) { year -= 1; month += 12 }
    leap = int(year / 4) - int(year / 100) + int(year / 400)
    return 365 * year + leap + int((153 * (month - 3) + 2) / 5) + day - 719469
}
function field(name,   rest) {
    rest = substr($0, index($0, " " name "=\"") + length(name) + 3)
    return substr(rest, 1, index(rest, "\"") - 1)
}
index($0, " svc=" service " ") {
    match($0, /\[[^]]*\]/)
    second = epoch(substr($0, RSTART + 1, RLENGTH - 2))
    if (second < from || second >= to) next
    match($0, /" [0-9][0-9][0-9] /)
    final = substr($0, RSTART + 2, 3)
    n = split(field("ua"), nodes, /, | : /)
    split(field("us"), answers, /, | : /)
    for (i = 1; i <= n; i++) {
        if (nodes[i] == "" || nodes[i] == "-") continue
        if (nodes[i] !~ /:/) nodes[i] = "no-live-upstream"
        if (answers[i] == "-" && i == n && final == "499") answers[i] = "499"
        seen[nodes[i] " " answers[i]]++
    }
}
END { for (key in seen) print key, seen[key] }
"""


def result(trace: str, log_format: str = "json") -> Replay:
    return replayed(path(trace, f"access.{log_format}.log.gz"))


def covering(trace: str, fault: Fault) -> list[Summary]:
    return [incident for incident in result(trace).incidents if fault.is_covered_by(incident)]


def the_one(trace: str, fault: Fault) -> Summary:
    (incident,) = covering(trace, fault)
    return incident


@pytest.mark.parametrize(("trace", "fault"), REAL)
def test_a_fault_is_covered_by_one_incident_that_names_who_it_was_and_when(trace: str, fault: Fault) -> None:
    incident = the_one(trace, fault)
    if fault.nodes:
        assert (incident.blame.kind, incident.blame.nodes) == (CulpritKind.NODE, fault.nodes)
    else:
        assert (incident.blame.kind, incident.blame.nodes) == (CulpritKind.POOL, ())
    assert fault.first_minute <= incident.first_minute <= fault.first_minute + MINUTE
    assert fault.last_minute - MINUTE <= incident.last_minute <= fault.last_minute + MINUTE
    assert incident.onset_at == incident.first_minute


@pytest.mark.parametrize(("trace", "fault"), HARMLESS)
def test_noise_and_deploys_and_lone_failures_and_slow_but_fine_say_nothing(trace: str, fault: Fault) -> None:
    told = {incident.id for real in faults(trace) if real.wants_incident for incident in covering(trace, real)}
    during = [
        incident
        for incident in result(trace).incidents
        if fault.service in ("*", incident.service)
        and incident.first_minute <= fault.last_minute
        and incident.last_minute >= fault.first_minute
    ]
    assert [incident for incident in during if incident.id not in told] == []


@pytest.mark.parametrize(("trace", "expected"), [("train1", 7), ("train2", 8)])
def test_there_are_as_many_incidents_as_faults_that_ask_for_one(trace: str, expected: int) -> None:
    assert len(result(trace).incidents) == expected == sum(fault.wants_incident for fault in faults(trace))


@pytest.mark.parametrize(("trace", "fault"), REAL)
def test_one_onset_leaves_and_when_it_is_closed_one_summary(trace: str, fault: Fault) -> None:
    incident = the_one(trace, fault)
    kinds = Counter(message.kind.value for message in incident.messages)
    assert kinds["onset"] == 1
    assert kinds["summary"] == (incident.state is State.CLOSED)
    assert kinds["escalation"] <= 1
    assert incident.messages[0].kind.value == "onset"
    assert incident.messages[0].at == incident.detected_at
    assert (incident.messages[-1].kind.value == "summary") == (incident.state is State.CLOSED)
    assert incident.first_minute < incident.detected_at <= incident.first_minute + 4 * MINUTE
    if incident.state is State.CLOSED:
        assert incident.resolved_at == incident.last_minute + MINUTE
        assert incident.closed_at is not None
        assert incident.closed_at >= incident.resolved_at + 5 * MINUTE


@pytest.mark.parametrize(("trace", "fault"), REAL)
def test_every_nodes_figures_are_the_truths_over_the_incidents_minutes(trace: str, fault: Fault) -> None:
    incident = the_one(trace, fault)
    attempts: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    statuses: dict[str, Counter[str]] = {}
    peak = 0
    culprits = set(incident.blame.nodes)
    by_minute: Counter[int] = Counter()
    for row in rows(trace, "per_minute_node.csv"):
        minute = int(row["minute_start_epoch"])
        if row["service"] == incident.service and incident.first_minute <= minute <= incident.last_minute:
            attempts[row["node"]] += int(row["attempts"])
            bad[row["node"]] += int(row["bad"])
            statuses.setdefault(row["node"], Counter()).update(counts(row["statuses"]))
            by_minute[minute] += int(row["bad"]) if not culprits or row["node"] in culprits else 0
    peak = max(by_minute.values())
    assert {node.node: node.attempts for node in incident.nodes} == attempts
    assert {node.node: node.bad for node in incident.nodes} == bad
    assert {node.node: node.by_status for node in incident.nodes} == statuses
    assert sum(node.share for node in incident.nodes) == pytest.approx(1, abs=0.001)
    assert (incident.totals.attempts, incident.totals.bad_attempts) == (attempts.total(), bad.total())
    assert incident.totals.by_status == sum(statuses.values(), Counter())
    assert incident.peak.bad == by_minute[incident.peak.minute] == peak
    assert bad.total() >= 5


@pytest.mark.parametrize(("trace", "fault"), REAL)
def test_the_services_totals_are_the_truths_over_the_incidents_minutes(trace: str, fault: Fault) -> None:
    incident = the_one(trace, fault)
    requests = bad = 0
    for row in rows(trace, "per_minute_service.csv"):
        inside = incident.first_minute <= int(row["minute_start_epoch"]) <= incident.last_minute
        if row["service"] == incident.service and inside:
            requests += int(row["requests"])
            bad += int(row["bad"])
    assert (incident.totals.requests, incident.totals.bad_requests) == (requests, bad)


@pytest.mark.parametrize(("trace", "fault"), COMPARABLE)
def test_first_and_last_bad_second_and_what_retries_masked_are_the_truths(trace: str, fault: Fault) -> None:
    incident = the_one(trace, fault)
    assert incident.first_bad_at is not None
    assert incident.last_bad_at is not None
    # Whole minutes are summed: one more bad attempt by noise may stand at the edges, never one less.
    assert incident.first_minute <= incident.first_bad_at <= int(fault.published["first_bad"])
    assert int(fault.published["last_bad"]) <= incident.last_bad_at < incident.last_minute + MINUTE
    assert incident.totals.masked_by_retry == fault.published["masked_by_retry"]


@pytest.mark.parametrize("trace", TRACES)
def test_json_and_text_say_the_same_but_for_the_sample_lines(trace: str) -> None:
    from_json, from_text = (
        [_without_lines(incident) for incident in result(trace, log_format).incidents] for log_format in FORMATS
    )
    assert from_json == from_text
    assert result(trace, "json").lines == result(trace, "text").lines
    assert (result(trace, "json").start, result(trace, "json").end) == (
        result(trace, "text").start,
        result(trace, "text").end,
    )


def _without_lines(incident: Summary) -> object:
    document = msgspec.to_builtins(incident)
    samples = [*document["samples"], document["first_line"], document["last_line"]]
    assert all(sample.pop("line") for sample in samples)
    return document


@pytest.mark.parametrize("log_format", FORMATS)
@pytest.mark.parametrize("trace", TRACES)
def test_every_line_is_read_and_none_is_malformed_or_late(trace: str, log_format: str) -> None:
    lines = result(trace, log_format).lines
    expected = truth(trace)["line_stats"]["lines"]
    assert (lines.read, lines.parsed, lines.malformed, lines.late, lines.quarantined) == (expected, expected, 0, 0, 0)


@pytest.mark.parametrize(("trace", "fault"), REAL)
def test_the_samples_are_lines_of_the_fault(trace: str, fault: Fault) -> None:
    incident = the_one(trace, fault)
    assert 1 <= len(incident.samples) <= 5
    for sample in incident.samples:
        assert sample.request_id in sample.line
        assert sample.node in sample.line
        assert not fault.nodes or sample.node in fault.nodes
        assert incident.first_minute <= sample.at < incident.last_minute + MINUTE


@pytest.mark.parametrize(("trace", "fault"), REAL)
def test_awk_counts_the_same_on_the_text_log(trace: str, fault: Fault, tmp_path: Path) -> None:
    incident = the_one(trace, fault)
    script = tmp_path / "count.awk"
    script.write_text(AWK)
    variables = {"service": incident.service, "from": incident.first_minute, "to": incident.last_minute + MINUTE}
    arguments = [item for name, value in variables.items() for item in ("-v", f"{name}={value}")]
    # Bytes, not characters: some lines are not valid UTF-8.
    printed = subprocess.run(
        ["awk", *arguments, "-f", str(script), str(plain_text(trace, tmp_path))],
        check=True,
        capture_output=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin:/usr/local/bin"},
    ).stdout.decode()
    counted = {tuple(line.split()[:2]): int(line.split()[2]) for line in printed.splitlines()}
    assert counted == {(node.node, status): n for node in incident.nodes for status, n in node.by_status.items()}


def plain_text(trace: str, folder: Path) -> Path:
    unpacked = folder / f"{trace}.log"
    unpacked.write_bytes(b"".join(line + b"\n" for line in text_lines(trace)))
    return unpacked


@lru_cache
def text_lines(trace: str) -> list[bytes]:
    return [line for lines, _ in read_logs([path(trace, "access.text.log.gz")]) for line in lines]


@pytest.mark.parametrize("flush_lines", [997, 20_000])
def test_the_same_incidents_come_out_however_the_log_is_cut_into_flushes(flush_lines: int) -> None:
    lines = [line for some, _ in read_logs([path("train2", "access.json.log.gz")]) for line in some]
    chunks = [lines[i : i + 251] for i in range(0, len(lines), 251)]
    cut = replay(chunks, Rulebook(), flush_lines=flush_lines)
    assert msgspec.json.encode(cut) == msgspec.json.encode(result("train2"))


def test_the_printed_table_calls_every_fault_right() -> None:
    printed = list(table())
    assert len(printed) == 2 + len(FAULTS)
    assert [line for line in printed[2:] if not line.endswith("| right |")] == []
