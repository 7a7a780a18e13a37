"""Who is told: the rulebook and its channels."""

from __future__ import annotations

from incidents.cli.checkup import Finding, failed, note, ok
from incidents.cli.rulebooks import in_force, read
from incidents.domain.errors import TocsinError
from incidents.settings import Settings


def rulebook(settings: Settings) -> list[Finding]:
    """The file that is watched, mistake by mistake."""
    from incidents.channels import open_channel
    from incidents.configcentre import problems

    if settings.rulebook is None:
        return [ok("rulebook", "built-in rules: TOCSIN_RULEBOOK names no file")]
    try:
        found = problems(read(settings.rulebook), str(settings.rulebook), opens=open_channel)
    except TocsinError as error:
        return [failed("rulebook", str(error), "set TOCSIN_RULEBOOK, or --rulebook, to a file that can be read")]
    remedy = "mend it; until then the rules in force stay"
    return [failed("rulebook", str(problem), remedy) for problem in found] or [ok("rulebook", f"{settings.rulebook}")]


def channels(settings: Settings) -> list[Finding]:
    """Whether anybody would hear of an incident."""
    from incidents.channels import open_channel

    try:
        found, origin = in_force(settings)
    except TocsinError as error:
        return [note("channels", f"not looked at: {error}")]
    findings = []
    for channel in found.channels:
        try:
            findings.append(ok("channels", f"{channel.name}: {channel.kind} to {open_channel(channel).target}"))
        except TocsinError as error:
            findings.append(failed("channels", str(error), "mend this channel in the rulebook"))
    if all(channel.kind == "console" for channel in found.channels):
        detail = f"nothing but the console ({origin}): nobody is told who does not look at it"
        findings.append(note("channels", detail, "give the rulebook a mail, webhook or apprise channel"))
    return findings
