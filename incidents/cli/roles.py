"""The verbs that run something: everything on this machine, or one role of many.

Roles live in `workers`, which stands above this package and is not imported from here: they are started by name.
"""

from __future__ import annotations

import os
import runpy
from typing import Annotated

import typer

from incidents.cli.options import (
    Broker,
    Database,
    Format,
    Host,
    Lateness,
    Port,
    RulebookFile,
    Source,
    example,
    given,
)
from incidents.cli.running import Invocation

Threads = Annotated[
    int | None, typer.Option("--threads", metavar="N", min=1, max=64, help="Threads that work at once.")
]


def register(program: typer.Typer) -> None:
    """Adds the verbs to the program, in the order of its help."""
    program.command(epilog=example("tocsin demo"))(demo)
    program.command(
        epilog=example("tocsin up --source /var/log/nginx/access.log", "tocsin up --rulebook rulebook.yaml --port 8601")
    )(up)
    program.command(epilog=example("tocsin collect --source '/var/log/nginx/*.access.log'"))(collect)
    program.command(epilog=example("tocsin worker --broker redis://queue.example.com/0"))(worker)
    program.command(epilog=example("tocsin beat --broker redis://queue.example.com/0"))(beat)
    program.command(epilog=example("tocsin serve --host 127.0.0.1 --port 8600"))(serve)


def demo(context: typer.Context) -> None:
    """Show it all on a bundled log: an onset, then its summary.

    Needs no configuration, takes a free port, and leaves nothing behind.
    """
    _run("workers.demo", context)


def up(
    context: typer.Context,
    source: Source = None,
    log_format: Format = None,
    database: Database = None,
    broker: Broker = None,
    rulebook: RulebookFile = None,
    lateness: Lateness = None,
    host: Host = None,
    port: Port = None,
) -> None:
    """Run everything on this machine: collector, worker, API."""
    given(
        source=source,
        log_format=log_format,
        database=database,
        broker=broker,
        rulebook=rulebook,
        lateness=lateness,
        host=host,
        port=port,
    )
    _run("workers.supervise", context)


def collect(
    context: typer.Context,
    source: Source = None,
    log_format: Format = None,
    database: Database = None,
    rulebook: RulebookFile = None,
    lateness: Lateness = None,
) -> None:
    """Run a collector: it reads the queue and counts lines."""
    given(source=source, log_format=log_format, database=database, rulebook=rulebook, lateness=lateness)
    _run("workers.collect", context)


def worker(
    context: typer.Context,
    database: Database = None,
    broker: Broker = None,
    rulebook: RulebookFile = None,
    lateness: Lateness = None,
    threads: Threads = None,
) -> None:
    """Run a worker: it judges minutes and sends messages.

    Beat is inside while the broker is memory://.
    """
    given(database=database, broker=broker, rulebook=rulebook, lateness=lateness, threads=threads)
    _run("workers.worker", context)


def beat(context: typer.Context, database: Database = None, broker: Broker = None) -> None:
    """Run beat, the clock of the workers; two do no harm."""
    given(database=database, broker=broker)
    _run("workers.beat", context)


def serve(context: typer.Context, database: Database = None, host: Host = None, port: Port = None) -> None:
    """Run the HTTP API."""
    given(database=database, host=host, port=port)
    _run("workers.serve", context)


def _run(module: str, context: typer.Context) -> None:
    """Becomes the role. In this process: signals reach it, and `ps` shows the command that was typed."""
    invocation = context.find_object(Invocation)
    if invocation is not None and invocation.verbose:
        os.environ["TOCSIN_LOG_LEVEL"] = "debug"
    runpy.run_module(module, run_name="__main__", alter_sys=True)
