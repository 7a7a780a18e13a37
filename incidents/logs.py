"""Tocsin's own log: text for people, JSON lines for machines, always on standard error."""

from __future__ import annotations

import logging
import sys

import structlog


def configure(level: str = "info", as_json: bool = False, role: str = "") -> None:
    """Sets up structlog and the standard library's logging, which Celery and uvicorn use, to write alike."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # A line a task, four a second, says nothing that the metrics do not say better.
    for name in ("celery.app.trace", "celery.worker", "celery.beat", "kombu", "httpx", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # Apprise writes whole tokens at DEBUG.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    structlog.contextvars.bind_contextvars(**({"role": role} if role else {}))
