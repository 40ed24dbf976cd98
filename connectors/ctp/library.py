"""The vendor's library behind `openctp-ctp`, loaded only when a connection needs it, and refused with the remedy.

Two things are checked before: the package is an optional extra and its version must fit what the broker runs; and on Linux
the library ends the whole process at import when the locale zh_CN.GB18030 does not exist, so we look for it first.
"""

from __future__ import annotations

import importlib
import importlib.util
import locale
import sys
from pathlib import Path
from typing import Any, Final, Protocol

from hedge_core.errors import InvalidInput
from messages import Message

PACKAGE: Final = "openctp_ctp"
LOCALE: Final = "zh_CN.GB18030"


class CtpLibrary(Protocol):
    """The parts of the module that we use. Structures are made by name: `CThostFtdc…Field()`."""

    @property
    def CThostFtdcTraderSpi(self) -> Any: ...


def load_ctp() -> CtpLibrary:
    """The trader module. InvalidInput with what to install when it cannot be used."""
    if importlib.util.find_spec(PACKAGE) is None:
        raise _refused(Message("ctp.not_installed"))
    if sys.platform.startswith("linux") and not _has_locale(LOCALE):
        raise _refused(Message("ctp.no_locale", {"locale": LOCALE}))
    try:
        return importlib.import_module(PACKAGE).tdapi  # type: ignore[no-any-return]
    except (ImportError, AttributeError, OSError) as error:
        raise _refused(Message("ctp.not_loaded", {"reason": str(error)})) from error


def new_trader_api(library: Any, flow_folder: Path, production: bool = True) -> Any:
    """A trader API object that keeps its flow files in `flow_folder`.

    From release 6.7.9 on the constructor takes whether the counter is a production one; before, only the folder."""
    flow_folder.mkdir(parents=True, exist_ok=True)
    path = f"{flow_folder}/"
    make = library.CThostFtdcTraderApi.CreateFtdcTraderApi
    try:
        return make(path, production)
    except (TypeError, NotImplementedError):
        return make(path)


def _has_locale(name: str) -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return True


def _refused(reason: Message) -> InvalidInput:
    return InvalidInput("ctp", 0, "", reason)
