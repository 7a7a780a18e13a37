"""Stories that nobody wrote: promises that hold over any traffic, and an engine with a database that tells the same."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from story import LATENESS, MIDNIGHT, Some, Story, bad, left, masked, slow

from incidents.domain.access_log import Request
from incidents.domain.incident import CloseReason, CulpritKind, Incident, Message, State
from incidents.domain.minute import MINUTE
from incidents.domain.rule import DEFAULT_RULES, Rule, Severity
from incidents.domain.rulebook import Rulebook
from incidents.domain.summary import Summary
from incidents.replay import replay

KINDS: dict[str, tuple[int | Some, ...]] = {
    "nothing": (),
    "well": (12,),
    "noise": (40, bad(1, status=500)),
    "trickle": (1,),
    "some bad": (12, bad(2)),
    "bad": (10, bad(6)),
    "dead": (bad(25),),
    "left": (5, left(9)),
    "slow": (5, slow(9, 6.0)),
    "hidden": (10, masked(5, by="b")),
}
NODES = ("a", "b", "c", "none", "dead")
# What each node does, and for how many minutes it goes on doing so.
lives = st.fixed_dictionaries(
    {name: st.lists(st.tuples(st.sampled_from(list(KINDS)), st.integers(1, 25)), max_size=6) for name in NODES[:3]},
    optional={
        name: st.lists(st.tuples(st.sampled_from(["nothing", "well", "bad"]), st.integers(1, 9)), max_size=4)
        for name in NODES[3:]
    },
)
n_of_m = st.sampled_from([None, (2, 3)])


def rulebook_of(wait: tuple[int, int] | None) -> Rulebook:
    first, *others = DEFAULT_RULES
    waiting = Rule(first.name, status=first.status, floor=first.floor, min_bad=5, escalates=True, n_of_m=wait)
    return Rulebook(rules=(waiting, *others))


def tell(life: dict[str, list[tuple[str, int]]], rulebook: Rulebook) -> tuple[Story, int]:
    """The story of these lives, and how many minutes it has. The first minute is never empty."""
    story = Story(rulebook)
    story.at("00:00").lines(a=1)
    longest = 1
    for node, spells in life.items():
        minute = 0
        for kind, times in spells:
            for _ in range(times):
                clock = f"{minute // 60:02d}:{minute % 60:02d}"
                story.at(clock).lines(**{node: list(KINDS[kind])})
                minute += 1
        longest = max(longest, minute)
    return story, longest


@given(lives, n_of_m)
@settings(max_examples=60)
def test_whatever_the_traffic_an_incident_keeps_its_promises(
    life: dict[str, list[tuple[str, int]]], wait: tuple[int, int] | None
) -> None:
    story, minutes = tell(life, rulebook_of(wait))
    seen: dict[str, Incident] = {}
    for minute in range(1, minutes + 1):
        story.play(MIDNIGHT + minute * MINUTE)
        check_now(story, seen, MIDNIGHT + (minute - 1) * MINUTE)
    sent: Counter[tuple[str, Message | None]] = Counter((t.incident_id, t.sends) for t in story.transitions if t.sends)
    for incident in story.everything():
        check_messages(incident, sent, [t.sends for t in story.transitions if t.incident_id == incident.id and t.sends])
    told = {incident.id for incident in story.everything()}
    assert {incident_id for incident_id, _ in sent} == told


def check_now(story: Story, seen: dict[str, Incident], minute: int) -> None:
    fingerprints = [incident.fingerprint for incident in story.live]
    assert len(set(fingerprints)) == len(fingerprints), "two live incidents of one culprit"
    nodes = [node for incident in story.live if incident.is_open for node in incident.culprit.nodes]
    assert len(set(nodes)) == len(nodes), "one node in two open incidents"
    assert sum(i.culprit.kind.is_whole and i.is_open for i in story.live) <= 1
    for incident in [*story.live, *story.ended]:
        before = seen.get(incident.id)
        if before is not None and before.state in (State.CLOSED, State.MERGED):
            assert incident == before, "what has ended was changed"
        if before is not None:
            assert incident.first_minute == before.first_minute
            assert incident.last_minute >= before.last_minute
            assert incident.severity.rank >= before.severity.rank
        assert incident.first_minute <= incident.last_minute <= minute
        assert incident.symptoms
        for symptom in incident.symptoms:
            assert incident.first_minute <= symptom.first_minute <= symptom.last_minute <= incident.last_minute
        seen[incident.id] = incident


def check_messages(incident: Incident, sent: Counter[tuple[str, Message | None]], order: list[Message]) -> None:
    assert sent[incident.id, Message.ONSET] == 1
    assert order[0] is Message.ONSET
    assert sent[incident.id, Message.SUMMARY] == (incident.state is State.CLOSED)
    assert Message.SUMMARY not in order[:-1]
    assert sent[incident.id, Message.ESCALATION] <= 2
    assert (incident.merged_into is not None) == (incident.state is State.MERGED)
    if incident.state is State.CLOSED:
        assert incident.closed_at is not None
        if incident.close_reason is CloseReason.RECOVERED:
            assert incident.closed_at >= incident.last_minute + (1 + incident.hold) * MINUTE
            assert incident.resolved_at == incident.last_minute + MINUTE
    if incident.culprit.kind is CulpritKind.POOL and any((s.rule, s.node) == ("5xx", None) for s in incident.symptoms):
        assert incident.severity is Severity.CRITICAL


def as_line(request: Request) -> bytes:
    return json.dumps(
        {
            "time": f"{request.time:.3f}",
            "service": request.service,
            "status": request.status,
            "request_time": request.request_time,
            "upstream_addr": request.upstream_addr,
            "upstream_status": request.upstream_status,
            "upstream_response_time": request.upstream_response_time,
            "request_id": request.request_id,
        }
    ).encode()


@given(lives, n_of_m, st.sampled_from([300, 3000, 50_000]))
@settings(max_examples=20)
def test_the_engine_with_its_database_tells_the_same_story(
    life: dict[str, list[tuple[str, int]]], wait: tuple[int, int] | None, flush_lines: int
) -> None:
    rulebook = rulebook_of(wait)
    story, _ = tell(life, rulebook)
    lines = [
        as_line(r) for minute in sorted(story.requests) for r in sorted(story.requests[minute], key=lambda r: r.time)
    ]
    end = max(story.requests) + MINUTE
    story.play(end)
    result = replay([lines[i : i + 50] for i in range(0, len(lines), 50)], rulebook, flush_lines=flush_lines)
    assert result.lines.late == result.lines.quarantined == 0
    assert {incident.id: facts_of_summary(incident) for incident in result.incidents} == {
        incident.id: facts(story, incident) for incident in story.everything()
    }


def facts(story: Story, incident: Incident) -> dict[str, object]:
    """All that the pure engine knows, in the words of a summary."""
    names = "state", "severity", "first_minute", "last_minute", "detected_at", "resolved_at", "closed_at", "reopened"
    sent = [t for t in story.transitions if t.incident_id == incident.id and t.sends]
    return {
        **{name: getattr(incident, name) for name in (*names, "merged_into", "close_reason", "previous_id")},
        "blame": (incident.culprit.kind, incident.culprit.nodes, incident.confidence),
        "symptoms": [(s.rule, s.node, s.first_minute, s.last_minute) for s in incident.symptoms],
        "messages": [(t.sends, t.minute + MINUTE + LATENESS) for t in sent],
    }


def facts_of_summary(incident: Summary) -> dict[str, object]:
    names = "state", "severity", "first_minute", "last_minute", "detected_at", "resolved_at", "closed_at", "reopened"
    return {
        **{name: getattr(incident, name) for name in (*names, "merged_into", "close_reason", "previous_id")},
        "blame": (incident.blame.kind, incident.blame.nodes, incident.blame.verdict),
        "symptoms": [(s.rule, s.node, s.first_minute, s.last_minute) for s in incident.symptoms],
        "messages": [(message.kind, message.at) for message in incident.messages],
    }
