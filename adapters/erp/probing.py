"""The steps of a check: one probe each, and what its failure is called."""

from __future__ import annotations

from collections.abc import Callable

from hedge_core.errors import AuthFailed, PlatformError, Unavailable
from hedge_core.ports.erp import HealthStep
from messages import Message

Probe = Callable[[], tuple[bool, Message]]


def step(name: str, probe: Probe) -> HealthStep:
    """Run one probe. A login that never got there is the step `reach`; a refused login is `login` wherever it shows."""
    try:
        ok, finding = probe()
    except Unavailable as error:
        return HealthStep("reach" if name == "login" else name, False, error.message)
    except AuthFailed as error:
        return HealthStep("login", False, error.message)
    except PlatformError as error:
        return HealthStep(name, False, error.message)
    return HealthStep(name, ok, finding)
