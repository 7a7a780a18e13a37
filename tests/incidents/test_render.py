"""What messages say: each kind, in both languages, for each kind of trouble."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import msgspec
import pytest
from sample_summary import CULPRIT, OTHERS, START, plain, pool, sample, slow, symptom, without_upstream

import incidents.render
from incidents.domain.incident import CloseReason, Confidence, CulpritKind, Message
from incidents.domain.minute import MINUTE
from incidents.domain.rule import DEFAULT_RULES, Kind, Rule, Severity, Unit
from incidents.domain.summary import Blame, MinutePoint, NodeFigures, Peak, Summary, SymptomFigures, Totals
from incidents.render import LANGUAGES, Rendered, render
from incidents.render.measure import Mode
from incidents.render.numbers import share, span
from incidents.render.rules import describe, read
from incidents.render.words import CATALOGUES, Words

KINDS = list(Message)


def told(
    kind: Message,
    summary: Summary,
    language: str = "en",
    zone: str = "UTC",
    link: str | None = "https://tocsin.example/incidents/1",
    late: int = 0,
) -> Rendered:
    return render(kind, summary, language=language, timezone=zone, link=link, late_minutes=late)


def seen(html: str) -> str:
    """What a reader sees of a page, on one line."""
    body = html.split("<body", 1)[1]
    text = re.sub(r"<[^>]*>", " ", body)
    for entity, character in {
        "&nbsp;": " ",
        "&#34;": '"',
        "&#39;": "'",
        "&lt;": "<",
        "&gt;": ">",
        "&amp;": "&",
    }.items():
        text = text.replace(entity, character)
    return " ".join(text.split())


def test_an_onset_says_what_where_since_when_and_how_bad() -> None:
    found = told(Message.ONSET, plain())
    assert found.subject == "[CRITICAL] order: node 127.11.1.2:9002 failing (500)"
    for phrase in (
        "273 of 337 attempts on 127.11.1.2:9002 failed (81.0%) since 02:51.",
        "2026-11-23 02:51 +00:00 (UTC)",
        "node 127.11.1.2:9002",
        "Very sure: nearly all excess failures are on this node",
        "273 of 337 attempts (81.0%): 500 ×272, 499 ×1",
        "83 of 83 attempts (100%) in the minute 02:53",
        "274 of 1,009 requests of the service ended badly (27.2%); none was saved by a retry",
        "Not affected: 127.11.1.1:9002",
        "5xx on 127.11.1.2:9002: 272 of 337 attempts (80.7%), 02:51 to 02:55",
        "status 5xx: at least 5 in 5 min, and surely more than 1% of attempts",
        "rid0003",
        "https://tocsin.example/incidents/1",
        "rulebook version 7",
    ):
        assert phrase in " ".join(found.text.split()), phrase


def test_a_summary_says_all_that_an_onset_cannot() -> None:
    summary = plain(reopened=2, late_lines=3, previous_id="abc123", labels={"team": "pay"})
    found = told(Message.SUMMARY, summary)
    assert found.subject == "[RESOLVED] order: node 127.11.1.2:9002 failed (500) for 4 min, 273 bad"
    for phrase in (
        "Started: 2026-11-23 02:51 +00:00 (UTC)",
        "Detected: 2026-11-23 02:52:05 +00:00",
        "Last bad minute: 2026-11-23 02:54 +00:00",
        "Resolved: 2026-11-23 02:55 +00:00",
        "Closed: 2026-11-23 03:00 +00:00",
        "Why closed: recovered: it stayed clean",
        "Duration: 4 min, 3 min of it in breach; came back 2 times",
        "First and last bad: 2026-11-23 02:51:11 +00:00 and 2026-11-23 02:54:24 +00:00",
        "1,009 requests, 274 bad (27.2%); 1,009 attempts, 274 bad (27.2%)",
        "200 ×735, 499 ×1, 500 ×273",
        "Late lines: 3 lines came after",
        "Previous incident: abc123",
        "team=pay",
        "500 272 (99.6%)",
        "127.11.1.2:9002 273 of 337 (81.0%) to blame, 99.6% of all bad",
        "127.11.1.3:9002 1 of 336 (0.3%) 0.4% of all bad",
        "rid0000 · first bad line",
        "rid0009 · last bad line",
    ):
        assert phrase in " ".join(found.text.split()), phrase


def test_a_summary_in_chinese_is_chinese_and_in_the_readers_zone() -> None:
    found = told(Message.SUMMARY, plain(), language="zh-CN", zone="Asia/Shanghai")
    assert found.subject == "【已恢复】order：节点 127.11.1.2:9002 异常（500），持续 4 分钟，失败 273 次"
    for phrase in (
        "10:51 至 10:55（4 分钟），127.11.1.2:9002 的 337 次上游请求中有 273 次失败（81.0%）。",
        "2026-11-23 10:51 +08:00 (Asia/Shanghai)",
        "持续时间： 4 分钟，其中 3 分钟超限",
        "状态码 5xx：5 分钟内至少 5 次，且可以确信占上游请求的 1% 以上",
        "规则版本 7",
    ):
        assert phrase in " ".join(found.text.split()), phrase
    assert '<html lang="zh-CN">' in found.html


def test_an_escalation_says_that_it_is_one() -> None:
    found = told(Message.ESCALATION, pool())
    assert found.subject == "[CRITICAL, ESCALATED] order: whole pool failing (502, 504)"
    assert "it is now critical, and the whole pool is to blame" in found.text
    assert told(Message.ESCALATION, pool(), "zh-CN").subject == "【升级为严重】order：上游整体异常（502、504）"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [plain, slow, pool, without_upstream])
def test_the_page_and_the_text_say_the_same(make: object, kind: Message, language: str) -> None:
    summary = make() if callable(make) else plain()
    found = told(kind, summary, language)
    page = seen(found.html)
    lines = [re.sub(r"^- |^! ", "", line.strip()) for line in found.text.splitlines() if line.strip()]
    unsaid = []
    for line in lines:
        if any(block in line for block in "▁▂▃▄▅▆▇█"):
            continue  # drawn there
        parts = re.split(r"\s{2,}|(?<=：) |: +(?=https)|(?<=[a-z]): {1,}", line)
        unsaid += [part for part in parts if part.strip(" :：") and part.strip(" :：") not in page + found.html]
    assert not unsaid


def test_what_a_retry_hid_from_clients_is_told_apart_from_what_they_saw() -> None:
    assert (
        "12 of 630 requests of the service ended badly (1.9%); 200 more were saved" in told(Message.ONSET, pool()).text
    )
    hidden = told(Message.ONSET, plain(totals=Totals(1460, 0, 1478, 18, 18, {"200": 1460, "502": 18}))).text
    assert "not one saw it: 18 requests were saved by a retry" in hidden


def test_an_incident_that_is_only_slow_speaks_of_slow_requests() -> None:
    onset, summary = told(Message.ONSET, slow()), told(Message.SUMMARY, slow())
    assert onset.subject == "[WARNING] order: node 127.11.1.2:9002 slow (over 3 s)"
    assert summary.subject == "[RESOLVED] order: node 127.11.1.2:9002 slow (over 3 s) for 4 min, 120 slow"
    assert "120 of 300 attempts on 127.11.1.2:9002 took longer than 3 s (40.0%) since 02:51." in onset.text
    assert f"Not in breach: {', '.join(OTHERS)}" in " ".join(onset.text.split())
    for message in (onset, summary):
        assert "failed" not in message.text
        assert "Bad attempts" not in message.html
        assert "Bad by status" not in message.html
    chinese = told(Message.SUMMARY, slow(), "zh-CN")
    assert chinese.subject == "【已恢复】order：节点 127.11.1.2:9002 响应慢（超过 3 秒），持续 4 分钟，慢 120 次"


def test_a_slow_service_without_a_slow_node_is_told_by_its_requests() -> None:
    summary = slow(
        symptoms=[symptom("request_time", None, 90, 900)], blame=Blame(CulpritKind.POOL, (), Confidence.MIXED)
    )
    found = told(Message.ONSET, summary)
    assert found.subject == "[WARNING] order: whole pool slow (over 5 s)"
    assert "90 of 900 requests over all nodes took longer than 5 s (10.0%)" in found.text


def test_clients_that_hang_up_are_not_called_failures_of_the_node() -> None:
    nodes = [NodeFigures(node, 300, 138, 0.33, {"200": 162, "499": 138}) for node in (CULPRIT, *OTHERS)]
    summary = pool(nodes=nodes, symptoms=[symptom("499", None, 414, 900)])
    assert told(Message.ONSET, summary).subject == "[CRITICAL] order: clients giving up on the whole pool (499)"
    assert told(Message.ONSET, summary, "zh-CN").subject == "【严重】order：所有节点上客户端大量断开（499）"


def test_a_log_without_upstreams_is_told_by_its_requests_and_names_no_node() -> None:
    found = told(Message.SUMMARY, without_upstream())
    assert found.subject == "[RESOLVED] order: requests failed (500) for 4 min, 272 bad"
    assert "272 of 1,009 requests failed (27.0%) in 4 min" in found.text
    assert "nodes cannot be told apart" in found.text
    assert "By node" not in found.text
    assert "1,009 requests, 272 bad (27.0%)\n" in found.text


def test_a_rule_of_ones_own_is_told_by_its_hits() -> None:
    rule = Rule("throttled", kind=Kind.COUNT, unit=Unit.ATTEMPT, status=("429",), threshold=50)
    own = SymptomFigures("throttled", CULPRIT, START, START + 3 * MINUTE, 230, 300, rule.describe())
    found = told(Message.ONSET, slow(symptoms=[own]))
    assert found.subject == "[WARNING] order: rule throttled in breach on node 127.11.1.2:9002"
    assert "230 of 300 attempts on 127.11.1.2:9002 were hits of rule throttled (76.7%)" in found.text
    assert "status 429: 50 or more attempts in a minute" in found.text


def test_several_nodes_are_counted_and_named_up_to_a_point() -> None:
    names = tuple(f"10.0.0.{i}:80" for i in range(1, 21))
    nodes = [NodeFigures(name, 100, 50, 0.05, {"502": 50, "200": 50}) for name in names]
    summary = plain(blame=Blame(CulpritKind.NODES, names, Confidence.NODES), nodes=nodes)
    found = told(Message.ONSET, summary)
    assert found.subject == "[CRITICAL] order: 20 nodes failing (502): 10.0.0.1:80, 10.0.0.2:80 and 18 more"
    assert "1,000 of 2,000 attempts" in found.text
    assert "and 8 more" in found.text
    assert "and 4 more nodes" in found.text


def test_a_pool_without_a_live_server_is_explained() -> None:
    nodes = [NodeFigures("no-live-upstream", 500, 500, 1.0, {"502": 500}), NodeFigures(CULPRIT, 9, 0, 0.0, {"200": 9})]
    found = told(Message.ONSET, pool(nodes=nodes, unaffected=["no-live-upstream", CULPRIT]))
    assert "no-live-upstream (nginx found no server to send to)" in found.text
    assert f"Not affected: {CULPRIT}\n" in re.sub(r": +", ": ", found.text)


@pytest.mark.parametrize("reason", [reason for reason in CloseReason if reason is not CloseReason.RECOVERED])
def test_what_was_closed_without_proof_is_not_called_resolved(reason: CloseReason) -> None:
    found = told(Message.SUMMARY, plain(close_reason=reason))
    assert found.subject.startswith("[CLOSED] ")
    assert "Resolved:" not in found.text
    assert "Why closed:" in found.text
    assert told(Message.SUMMARY, plain(close_reason=reason), "zh-CN").subject.startswith("【已关闭】")


def test_a_message_told_after_the_fact_is_marked_late() -> None:
    assert told(Message.ONSET, plain(), late=37).subject.endswith(" (detected 37 minutes late)")
    assert "Detected 37 minutes late" in told(Message.SUMMARY, plain(), late=37).text
    assert "Detected a minute late" in told(Message.ONSET, plain(), late=1).html
    assert told(Message.ONSET, plain(), "zh-CN", late=37).subject.endswith("（晚发现 37 分钟）")
    assert "late" not in told(Message.ONSET, plain()).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("verdict", list(Confidence))
@pytest.mark.parametrize("kind", list(CulpritKind))
@pytest.mark.parametrize("message", KINDS)
def test_every_culprit_and_confidence_can_be_told(
    message: Message, kind: CulpritKind, verdict: Confidence, language: str
) -> None:
    nodes = {CulpritKind.NODE: (CULPRIT,), CulpritKind.NODES: (CULPRIT, OTHERS[0])}.get(kind, ())
    for make in (plain, slow, without_upstream):
        found = told(message, make(blame=Blame(kind, nodes, verdict)), language)
        assert found.subject
        assert len(found.subject) <= 120
        assert "{" not in found.subject + found.text.split('"GET')[0]


@pytest.mark.parametrize("severity", list(Severity))
def test_each_severity_has_its_badge(severity: Severity) -> None:
    assert told(Message.ONSET, plain(severity=severity)).subject.startswith(f"[{severity.upper()}] ")


def test_a_long_incident_is_drawn_in_steps_and_stays_small() -> None:
    points = [
        MinutePoint(START + i * MINUTE, 1000, 900, {"502": 500, "503": 300, "418": 0, "599": 100}) for i in range(3000)
    ]
    found = told(Message.SUMMARY, plain(minutes=points, last_minute=START + 2999 * MINUTE))
    assert "Bad attempts in steps of 1 h 3 min" in found.text
    bars = next(line for line in found.text.splitlines() if "█" in line)
    assert bars.count("█") == 47
    assert len(found.html) < 90_000  # mail services clip at about 100 kB
    assert "for 2 d 2 h" in found.subject


def test_the_chart_draws_each_minute_by_status_and_marks_the_incident() -> None:
    found = told(Message.SUMMARY, plain())
    assert "02:47 ····▇██▅▁ 02:56" in found.text
    assert found.html.count('class="shade"') == 4
    assert "Bad attempts a minute (highest: 83)" in found.text


def test_an_incident_of_days_shows_dates_and_a_change_of_the_offset() -> None:
    last = START - 22 * 24 * 3600 - 21 * 3600 + 4 * 3600  # 2026-11-01, around the end of summer time in New York
    first = last - 2 * 3600
    summary = plain(first_minute=first, onset_at=first, last_minute=last, resolved_at=last + MINUTE, minutes=[])
    text = told(Message.SUMMARY, summary, zone="America/New_York").text
    offsets = re.findall(r"-0[45]:00", text)
    assert {"-04:00", "-05:00"} == set(offsets)


def test_an_unknown_zone_or_language_does_not_cost_the_message() -> None:
    assert "+00:00 (UTC)" in told(Message.ONSET, plain(), zone="Mars/Olympus").text
    assert "+00:00 (UTC)" in told(Message.ONSET, plain(), zone="../..").text
    assert told(Message.ONSET, plain(), "tlh").subject.startswith("[CRITICAL]")


def test_a_message_without_a_page_has_no_link() -> None:
    for link in (None, "javascript:alert(1)", "ftp://x/"):
        found = told(Message.ONSET, plain(), link=link)
        assert "<a " not in found.html
        assert "Open the incident" not in found.text


def test_an_empty_incident_can_still_be_told() -> None:
    summary = plain(
        symptoms=[], nodes=[], totals=Totals(), samples=[], minutes=[], first_line=None, last_line=None, unaffected=[],
        first_bad_at=None, last_bad_at=None, peak=Peak(START, 0, 0), resolved_at=None, closed_at=None,
        close_reason=None, rulebook_version=0,
    )  # fmt: skip
    for kind in KINDS:
        assert "built-in rules" in told(kind, summary).text


def test_a_sample_that_is_both_first_and_last_is_shown_once() -> None:
    only = sample(1)
    text = told(Message.SUMMARY, plain(samples=[only], first_line=only, last_line=only)).text
    assert text.count("rid0001") == 1
    assert "first bad line, last bad line" in text


def test_both_languages_have_the_same_phrases_with_the_same_values() -> None:
    english, chinese = CATALOGUES["en"], CATALOGUES["zh-CN"]
    assert {key for key in english if not key.endswith(".one")} == {key for key in chinese if not key.endswith(".one")}
    for key, phrase in english.items():
        if key in chinese:
            assert _values(phrase) == _values(chinese[key]), key


def _values(phrase: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(phrase) if name}


def test_every_phrase_is_used_somewhere() -> None:
    # Phrases chosen by an enum are held to it by the tests around this one; the rest must be named in the code.
    folder = Path(incidents.render.__file__).parent
    source = "\n".join(path.read_text() for path in folder.glob("*.py") if not path.name.startswith("words_"))
    by_enum = ("now.", "then.", "sure.", "badge.", "severity.", "reason.", "figure.", "culprit.", "lede.", "rule.")
    for key in CATALOGUES["en"]:
        if not key.startswith(by_enum) and not key.endswith(".one"):
            named = f'"{key.removeprefix("fact.")}"'
            assert named in source or key in ("attempts", "requests", "no-live-upstream"), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_a_rulebook_can_hold_is_described_in_the_readers_language(language: str) -> None:
    rules = [
        *DEFAULT_RULES,
        Rule("r", kind=Kind.RATIO, status=("500", "502"), threshold=0.005, min_requests=20),
        Rule("r", kind=Kind.COUNT, unit=Unit.REQUEST, status=("429",), threshold=50),
        Rule("r", kind=Kind.QUANTILE, unit=Unit.REQUEST, over=1.25, quantile=0.99),
        Rule("r", kind=Kind.EVIDENCE, status=("5xx",), floor=1e-5, min_bad=3),
    ]
    for rule in rules:
        threshold = read(rule.describe())
        assert threshold is not None, rule.describe()
        assert (threshold.kind, threshold.unit) == (rule.kind, rule.unit)
        assert threshold.is_slow == (rule.over is not None)
        assert threshold.statuses == rule.status
        assert describe(rule.describe(), Words(language)) != rule.describe()


def test_a_description_in_other_words_is_shown_as_it_stands() -> None:
    assert describe("anything else", Words("zh-CN")) == "anything else"
    unknown = msgspec.structs.replace(symptom("5xx", CULPRIT, 5, 10), description="p95 of the moon")
    found = told(Message.ONSET, plain(symptoms=[unknown]))
    assert "Rule: p95 of the moon" in found.text
    assert found.subject == "[CRITICAL] order: node 127.11.1.2:9002 failing (500)"


def test_every_mode_has_words_for_every_culprit() -> None:
    for catalogue in CATALOGUES.values():
        for mode in Mode:
            assert f"lede.{mode}" in catalogue
            for kind in CulpritKind:
                assert {f"now.{mode}.{kind}", f"then.{mode}.{kind}"} <= set(catalogue)


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [
        (0, 5, "0%"),
        (5, 5, "100%"),
        (1, 9999, "<0.1%"),
        (9998, 9999, "99.9%"),
        (230, 300, "76.7%"),
        (1, 3, "33.3%"),
        (0, 0, "–"),
    ],
)
def test_a_share_is_rounded_but_never_to_nothing_nor_to_all(part: int, whole: int, expected: str) -> None:
    assert share(part, whole) == expected


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (42, "42 s", "42 秒"),
        (60, "1 min", "1 分钟"),
        (3600, "1 h", "1 小时"),
        (5760, "1 h 36 min", "1 小时 36 分"),
        (86400, "1 d", "1 天"),
        (183600, "2 d 3 h", "2 天 3 小时"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: int, english: str, chinese: str) -> None:
    assert span(seconds, Words("en")) == english
    assert span(seconds, Words("zh-CN")) == chinese
