"""Log lines: JSON on standard error, each through the redactor."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress

import structlog

from adapters.secrets.redaction import RedactingFilter, Redactor


class _StandardError:
    """Standard error as it is at the moment of a line. A line that cannot be written (a full disk, a closed pipe) is lost:
    it must not end the thread that wanted to say something, which may be the one that delivers."""

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()


def set_up_logging(level: str, redactor: Redactor) -> None:
    """JSON lines on standard error; every event passes the redactor."""
    there = _StandardError()
    handler = logging.StreamHandler(there)
    handler.addFilter(RedactingFilter(redactor))
    logging.basicConfig(level=level, handlers=[handler], format="%(message)s", force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redactor.processor,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(there),  # type: ignore[arg-type]
    )
