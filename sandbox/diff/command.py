"""`python -m sandbox diff`: serves a DIFF gateway; tests serve one in their own process with `running_gateway`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from sandbox.diff.exchange import Account, Exchange, Instrument
from sandbox.diff.gateway import FAULTS, Gateway
from sandbox.ending import ending
from sandbox.http_server import NotLoopback

USER = "800301"


@dataclass(slots=True)
class RunningGateway:
    """A gateway that is serving, and how to get in."""

    url: str
    user: str
    password: str
    control_token: str
    gateway: Gateway

    def announcement(self) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "url": self.url,
            "user": self.user,
            "password": self.password,
            "control_token": self.control_token,
            "instruments": sorted(self.gateway.exchange.instruments),
            "trading_day": f"{self.gateway.exchange.trading_day:%Y-%m-%d}",
            "pid": os.getpid(),
        }


def listed() -> dict[str, Instrument]:
    """What is traded; contract sizes and ticks are the exchanges', prices are invented."""
    rows = {
        "SHFE.cu2605": (5, "10", "0.12", "3.56", "71230"),
        "SHFE.rb2605": (10, "1", "0.10", "0.33", "3301"),
        "CZCE.SR605": (10, "1", "0.09", "3", "5799"),
        "DCE.m2609": (10, "1", "0.08", "1.5", "3020"),
        "INE.sc2606": (1000, "0.1", "0.15", "20", "512.5"),
    }
    return {
        symbol: Instrument(size, Decimal(tick), Decimal(margin), Decimal(fee), Decimal(price), Decimal(price))
        for symbol, (size, tick, margin, fee, price) in rows.items()
    }


@contextmanager
def running_gateway(host: str = "127.0.0.1", port: int = 0) -> Iterator[RunningGateway]:
    """Serve a gateway with one account until the block ends."""
    exchange = Exchange()
    exchange.instruments = listed()
    password, token = secrets.token_urlsafe(9), secrets.token_urlsafe(18)
    exchange.accounts[USER] = Account(USER, password)
    gateway = Gateway(exchange, host, port, token)
    gateway.start()
    try:
        yield RunningGateway(gateway.url, USER, password, token, gateway)
    finally:
        gateway.stop()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=COUNT", help=", ".join(FAULTS))
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")


def main(given: argparse.Namespace) -> int:
    """Serve until a signal, or until standard input closes when asked so. 0; 2 bad option; 4 the port is not to be had."""
    stop = ending(with_stdin=given.until_stdin_closes)
    try:
        with running_gateway(given.host, given.port) as running:
            for text in given.fault:
                name, _, times = text.partition("=")
                running.gateway.fault(name, int(times or 1))
            facts = running.announcement()
            shown = json.dumps(facts) if given.json else "\n".join(f"{n}: {v}" for n, v in facts.items())
            sys.stdout.write(shown + "\n")
            sys.stdout.flush()
            stop.wait()
    except (KeyError, ValueError, NotLoopback) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"cannot serve on {given.host}:{given.port}: {error}\n")
        return 4
    return 0
