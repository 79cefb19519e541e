"""Structured logs: one line an event, with the correlation id of what is being handled."""

import logging
import sys
from typing import Literal

import structlog


def configure(level: str, style: Literal["console", "json"], service: str) -> None:
    """Log to standard error, for people or for machines; the standard library's loggers go the same way."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # as plain text: the consoles' own way of showing one shows the variables too, and so prompts and keys
    traceback: list[structlog.typing.Processor] = [structlog.processors.format_exc_info]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if style == "console"
        else structlog.processors.JSONRenderer()
    )
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, structlog.processors.StackInfoRenderer(), *traceback, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=[*shared, *traceback])
    )
    logging.basicConfig(level=max(threshold, logging.WARNING), handlers=[handler], force=True)
