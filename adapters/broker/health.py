"""The steps of a broker connection's health check, each a probe with its sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hedge_core.errors import AuthFailed, PlatformError, Unavailable
from hedge_core.ports.erp import Health, HealthStep
from messages import Message

Probe = Callable[[], tuple[bool, Message]]


def checked(steps: Sequence[tuple[str, Probe]]) -> Health:
    """The steps in order; after a first one that fails, the rest would only fail alike and is left out."""
    done: list[HealthStep] = []
    for name, probe in steps:
        done.append(_step(name, probe))
        if len(done) == 1 and not done[0].ok:
            break
    return Health(tuple(done))


def _step(name: str, probe: Probe) -> HealthStep:
    try:
        ok, finding = probe()
    except Unavailable as error:
        return HealthStep("reach" if name == "login" else name, False, error.message)
    except AuthFailed as error:
        return HealthStep("login", False, error.message)
    except PlatformError as error:
        return HealthStep(name, False, error.message)
    return HealthStep(name, ok, finding)


def orders_step(orders: bool) -> tuple[bool, Message]:
    """What the connection may do: said in both cases, so that nobody is surprised."""
    return True, Message("broker.orders_on" if orders else "broker.read_only")
