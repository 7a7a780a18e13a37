"""Makes the sample messages in this folder from one real incident.

    python docs/messages/generate.py                    # incident.json -> texts and pages
    python docs/messages/generate.py --log LOG [...]    # a log through the engine -> incident.json, then the above
    python docs/messages/generate.py --pictures         # and PNGs, by a chromium and Noto Sans CJK that are installed

The incident is one of Tocsin's own traces: real nginx, real clients, one node of a service going bad by and by.
`tests/incidents/test_render_samples.py` keeps these files equal to what the code writes today.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from incidents.domain.access_log import parser_for
from incidents.domain.fold import Fold
from incidents.domain.incident import Incident, Message
from incidents.domain.judging import ServiceMinute, judge_minute
from incidents.domain.minute import MINUTE, ServiceTally
from incidents.domain.rule import WINDOW
from incidents.domain.rulebook import Rulebook
from incidents.domain.summary import SentMessage, Summary, summarise
from incidents.render import Rendered, render

HERE = Path(__file__).parent
LANGUAGES = {"en": "UTC", "zh-CN": "Asia/Shanghai"}
LINK = "https://tocsin.example/incidents/{id}"
AROUND = 5
"""Minutes before and after an incident that its chart shows."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--log", type=Path, nargs="+", help="access logs, .gz or not, to take the incident from")
    options.add_argument("--service", default="user", help="whose first incident it is")
    options.add_argument("--pictures", action="store_true")
    chosen = options.parse_args()
    if chosen.log:
        told = incident_of(chosen.log, chosen.service)
        (HERE / "incident.json").write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n")
    for name, message in messages():
        (HERE / f"{name}.txt").write_text(f"Subject: {message.subject}\n\n{message.text}", encoding="utf-8")
        (HERE / f"{name}.html").write_text(message.html, encoding="utf-8")
        if chosen.pictures:
            picture(HERE / f"{name}.html", HERE / f"{name}.png")


def messages() -> Iterator[tuple[str, Rendered]]:
    """Every kind of message in every language, by the name of its file."""
    told = msgspec.json.decode((HERE / "incident.json").read_bytes(), type=dict[Message, Summary])
    for kind, summary in told.items():
        for language, zone in LANGUAGES.items():
            link = LINK.format(id=summary.id)
            yield f"{kind}.{language}", render(kind, summary, language=language, timezone=zone, link=link)


def incident_of(logs: list[Path], service: str) -> dict[Message, Summary]:
    """The first incident of a service, as it stood when each of its messages left."""
    minutes = tallies(logs, service)
    rulebook = Rulebook()
    rules = {rule.name: rule for rule in rulebook.rules_of(service)}
    told: dict[Message, Summary] = {}
    sent: list[SentMessage] = []
    live: dict[str, Incident] = {}
    wanted = ""
    for minute in range(min(minutes), max(minutes) + MINUTE, MINUTE):
        judged = judge_minute(
            ServiceMinute(
                service=service,
                minute=minute,
                window=[minutes.get(minute - back * MINUTE) for back in reversed(range(WINDOW))],
                live=tuple(found for found in live.values() if found.is_open),
                recent=(),
                rulebook=rulebook,
                past_rulebook=lambda _: rulebook,
                detected_at=minute + MINUTE + 5,
            )
        )
        live |= {incident.id: incident for incident in judged.changed}
        for transition in judged.transitions:
            wanted = wanted or transition.incident_id
            if transition.sends is None or transition.incident_id != wanted:
                continue
            incident = live[wanted]
            sent.append(SentMessage(transition.sends, minute + MINUTE + 5))
            shown = range(incident.first_minute - AROUND * MINUTE, minute + MINUTE, MINUTE)
            around = [
                (at, minutes[at]) for at in shown if at in minutes and at <= incident.last_minute + AROUND * MINUTE
            ]
            told[transition.sends] = summarise(incident, around, rules, sent)
            if transition.sends is Message.SUMMARY:
                return told
    return told


def tallies(logs: list[Path], service: str) -> dict[int, ServiceTally]:
    """One service's minutes."""
    fold = Fold(Rulebook(), set())
    for log in logs:
        raw = log.read_bytes()
        lines = (gzip.decompress(raw) if log.suffix == ".gz" else raw).splitlines()
        batch = parser_for("auto", lines).parse(lines)
        fold.add(batch.requests, batch.lines)
    fold.finish()
    return {
        key.minute: found[service] for key, found in fold.take().tallies.items() if not key.late and service in found
    }


def picture(page: Path, target: Path) -> None:
    """Lets a browser without a screen draw a page, as high as it is."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("no chromium found: apt-get install chromium fonts-noto-cjk")
    with tempfile.TemporaryDirectory() as profile:
        common = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
        ]
        probe = Path(profile) / "probe.html"
        script = "<script>document.title=document.documentElement.scrollHeight</script></body>"
        probe.write_text(page.read_text(encoding="utf-8").replace("</body>", script), encoding="utf-8")
        dump = [*common, "--window-size=720,400", "--dump-dom", probe.as_uri()]
        seen = subprocess.run(dump, capture_output=True, text=True, check=True, timeout=60).stdout
        height = int(seen.split("<title>", 1)[1].split("<", 1)[0])
        shot = [*common, f"--window-size=720,{height}", f"--screenshot={target}", page.as_uri()]
        subprocess.run(shot, capture_output=True, check=True, timeout=60)


if __name__ == "__main__":
    main()
