"""`tocsin doctor`: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from incidents.cli.options import Broker, Database, Format, Json, Port, RulebookFile, Source, example, given

if TYPE_CHECKING:
    from incidents.cli.checkup import Finding
    from incidents.cli.checkup.configuration import Setting
    from incidents.settings import Settings


def register(program: typer.Typer) -> None:
    program.command(epilog=example("tocsin doctor", "tocsin doctor --source /var/log/nginx/access.log --json"))(doctor)


def doctor(
    source: Source = None,
    log_format: Format = None,
    database: Database = None,
    broker: Broker = None,
    rulebook: RulebookFile = None,
    port: Port = None,
    as_json: Json = False,
) -> None:
    """Check this installation, each finding with its remedy.

    Exits with 1 when a check failed.
    """
    from incidents.cli.checkup import failed
    from incidents.cli.checkup.configuration import settings_in_force
    from incidents.cli.output import print_json
    from incidents.domain.errors import BadSetting
    from incidents.settings import load_settings

    given(source=source, log_format=log_format, database=database, broker=broker, rulebook=rulebook, port=port)
    in_force: list[Setting] = []
    findings: list[Finding]
    try:
        settings = load_settings()
    except BadSetting as error:  # nothing else can be looked at without settings
        findings = [failed("settings", str(error), "mend this setting first; the other checks need it")]
    else:
        in_force = settings_in_force(settings)
        findings = _look_at_all(settings)
    healthy = not any(finding.state == "failed" for finding in findings)
    if as_json:
        print_json(
            {
                "ok": healthy,
                "checks": [finding._asdict() for finding in findings],
                "settings": [setting._asdict() for setting in in_force],
            }
        )
    else:
        _tell(findings, in_force, healthy)
    if not healthy:
        raise typer.Exit(1)


def _look_at_all(settings: Settings) -> list[Finding]:
    from incidents.cli.checkup import machine, services, source, telling

    checks = (
        machine.python,
        machine.sqlite,
        machine.disk,
        services.database,
        services.broker,
        source.source,
        telling.rulebook,
        telling.channels,
        services.port,
    )
    return [finding for check in checks for finding in check(settings)]


def _tell(findings: list[Finding], in_force: list[Setting], healthy: bool) -> None:
    from incidents.cli.output import print_table, say, styled

    if in_force:
        say(("Settings", "bold"))
        print_table(("Name", "Value", "From"), [tuple(setting) for setting in in_force])
        say()
    say(("Checks", "bold"))
    for finding in findings:
        state, style = styled(finding.state)
        say((f"{state:8}", style), f"{finding.name:10}{finding.detail}")
        if finding.remedy:
            say(" " * 18 + "-> " + finding.remedy)
    say()
    failures = sum(finding.state == "failed" for finding in findings)
    say(("all is well", "green") if healthy else (f"{failures} failed", "bold red"))
