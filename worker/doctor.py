"""What is looked at for one connection, step by step: the way there, the system's own answers, and what the book asks of it.

A question that a system has no way to answer is shown as such, from its capability card: silence would read as a pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.documents import read_account_map
from adapters.storage.engine import make_engine
from adapters.storage.row_security import role_state
from connectors.http import Origin, Seen, Way, look
from hedge_core.accounting.account_checks import LedgerAccount, account_findings, our_roles
from hedge_core.accounting.charts import AccountMap, AccountTarget
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings
from hedge_core.errors import PlatformError
from hedge_core.model.identity import BookId
from hedge_core.model.physical import Master, MasterKind
from hedge_core.model.records import Mapped
from hedge_core.ports.erp import ErpAdapter, Examiner, HealthStep, PostingNeeds, Question
from hedge_core.ports.storage import Connection
from messages import Message
from worker.bootstrap import DEFAULT_ZONE, App
from worker.brokers import is_broker
from worker.systems import Wiring

CLOCK_TOLERANCE: Final = 120.0
"""Seconds that two clocks may differ: signed requests are refused from five minutes on by the strictest system we know."""
_STAMP_TOLERANCE: Final = timedelta(minutes=10)

ADMINISTRATORS: Final = frozenset({"admin", "administrator", "root", "demo", "sap*", "ddic", "管理员", "__system__"})
"""Users that people and other programs share on the systems we know; compared in lower case."""

_CASH_ROLES: Final = (AccountRole.BANK, AccountRole.MARGIN_ACCOUNT)
_TAX_ROLES: Final = frozenset(
    role.value
    for role in (
        AccountRole.INCOME_TAX, AccountRole.RESERVE_TAX, AccountRole.DEFERRED_TAX_ASSET,
        AccountRole.DEFERRED_TAX_LIABILITY,
    )
)  # fmt: skip
"""Accounts of deferred tax, which a book without a tax rate never posts to."""


def connection_steps(app: App, book: BookId, name: str) -> Iterator[HealthStep]:
    """The steps of one connection, in the order in which a failure is worth looking at. Nothing raises `PlatformError`."""
    try:
        connection = app.connection(book, name)
        origin = _origin(app, connection)
    except (PlatformError, ValueError) as error:
        yield HealthStep("configuration", False, _told(error))
        return
    if origin is not None:
        reached = True
        for seen in look(origin, _ca_file(connection), app.clock.now()):
            yield _way(seen, origin)
            reached = reached and seen.ok
        if not reached:
            return
    try:
        health = app.health(book, name)
    except PlatformError as error:
        yield HealthStep("configuration", False, error.message)
        return
    yield from health.steps
    stopped = any(not step.ok and step.step in ("reach", "login") for step in health.steps)
    if not stopped and not is_broker(connection.system):
        yield from _questions(app, book, connection, app.erp(book, name), {_question(s.step) for s in health.steps})


def isolation(url: str) -> HealthStep | None:
    """Whether the database itself keeps books apart: PostgreSQL does, unless the role stands above its rules."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            state = role_state(connection)
    finally:
        engine.dispose()
    if state is None:
        return None
    found = "doctor.role_above_security" if state.above_security else "doctor.role_held"
    return HealthStep("isolation", not state.above_security, Message(found, {"role": state.name}))


# --- the way there ----------------------------------------------------------------------------------------------------


def _origin(app: App, connection: Connection) -> Origin | None:
    url = str(connection.options.get("url") or "")
    if not url.startswith(("http:", "https:")):
        return None
    return Wiring(connection, {}, {}, app.clock, app.settings.call_seconds).origin()


def _ca_file(connection: Connection) -> str | None:
    return str(connection.options.get("ca_file") or "") or None


def _way(seen: Seen, origin: Origin) -> HealthStep:
    shown = {"host": origin.host, "port": origin.port, "detail": seen.detail}
    match seen.way, seen.ok:
        case Way.NAME, True:
            finding = Message("doctor.name_ok", shown)
        case Way.NAME, _:
            finding = Message("doctor.name_unknown", shown)
        case Way.ADDRESS, _:
            finding = Message("doctor.address_refused", shown)
        case Way.PORT, True:
            finding = Message("doctor.port_ok", shown)
        case Way.PORT, _:
            finding = Message("doctor.port_closed", shown)
        case Way.TLS, True:
            finding = Message("doctor.tls_ok", shown)
        case Way.TLS, _:
            finding = Message("doctor.tls_refused", shown)
        case _:
            return _clock(seen)
    return HealthStep(seen.way.value, seen.ok, finding)


def _clock(seen: Seen) -> HealthStep:
    if seen.clock_seconds is None:
        return HealthStep(seen.way.value, True, Message("doctor.clock_not_told"))
    ahead = round(seen.clock_seconds)
    ok = abs(seen.clock_seconds) <= CLOCK_TOLERANCE
    return HealthStep(seen.way.value, ok, Message("doctor.clock_ok" if ok else "doctor.clock_off", {"seconds": ahead}))


# --- what the book asks -----------------------------------------------------------------------------------------------


def _question(step: str) -> str:
    """The question that a step of an adapter's check answers."""
    if step.startswith(("fields:", "list:", "orders:")):
        return Question.RIGHTS.value
    return Question.READ_BACK.value if step == "reference" else step


def _questions(
    app: App, book: BookId, connection: Connection, adapter: ErpAdapter, answered: set[str]
) -> Iterator[HealthStep]:
    card = adapter.capabilities
    with app.store.read(book) as uow:
        settings = dict(uow.book.settings)
        currency = uow.book.currency
        body = uow.document("accounts", "map")
    today = app.clock.now().astimezone(ZoneInfo(_zone(connection))).date()
    rules = BookSettings.read(settings)
    accounts = read_account_map(body, "accounts", rules.rule_set) if body else None
    posts_here = settings.get("ledger", connection.name) == connection.name
    targets = _targets(accounts, rules, today) if posts_here else []
    found: dict[str, HealthStep] = {}
    for step in _examined(adapter, _needs(currency, today, targets)):
        yield step
        found[step.step] = step
    shared: dict[Question, Callable[[], Iterable[HealthStep]]] = {
        Question.TIME_ZONE: lambda: [_time_zone(app, book, connection)],
        Question.ACCOUNTS: lambda: _accounts(adapter, accounts, rules, today, settings) if posts_here else [],
        Question.CASH_FLOW: lambda: [_cash_flow(connection, accounts, rules, today)] if posts_here else [],
        Question.SEPARATE_USER: lambda: [_separate_user(app, book, connection)],
    }
    for question in Question:
        if question.value in found or question.value in answered:
            continue
        if question in shared:
            yield from shared[question]()
        else:
            yield HealthStep(question.value, True, Message("doctor.not_offered", {"system": card.system}))


def _examined(adapter: ErpAdapter, needs: PostingNeeds) -> Iterator[HealthStep]:
    if not isinstance(adapter, Examiner):
        return
    try:
        yield from adapter.examine(needs)
    except PlatformError as error:
        yield HealthStep("examination", False, error.message)


def _targets(accounts: AccountMap | None, rules: BookSettings, today: date) -> list[AccountTarget]:
    if accounts is None:
        return []
    resolved = (accounts.resolve(role, today) for role in our_roles(rules, hedges=False))
    return [one for one in resolved if isinstance(one, AccountTarget)]


def _needs(currency: str, today: date, targets: Iterable[AccountTarget]) -> PostingNeeds:
    codes = sorted({target.account for target in targets})
    rates = sorted({target.rate_type for target in targets if target.rate_type})
    return PostingNeeds(currency, today, tuple(codes), tuple(rates))


def _time_zone(app: App, book: BookId, connection: Connection) -> HealthStep:
    """A change stamp in the future cannot be: the clock times of the system were read in the wrong zone."""
    with app.store.read(book) as uow:
        stamps = [
            line.modified_at
            for line in uow.physical.contract_lines()
            if line.ref.connection == connection.name and line.modified_at is not None
        ]
    shown = {"zone": _zone(connection)}
    if not stamps:
        return HealthStep(Question.TIME_ZONE.value, True, Message("doctor.zone_not_seen", shown))
    newest = max(stamps)
    ok = newest <= app.clock.now() + _STAMP_TOLERANCE
    found = Message("doctor.zone_ok" if ok else "doctor.zone_wrong", {**shown, "newest": newest.isoformat()})
    return HealthStep(Question.TIME_ZONE.value, ok, found)


def _accounts(
    adapter: ErpAdapter, accounts: AccountMap | None, rules: BookSettings, today: date, texts: Mapping[str, str]
) -> Iterator[HealthStep]:
    """Codes that our vouchers use: there, open, and neither the stock module's nor automatic postings' own."""
    step = Question.ACCOUNTS.value
    if accounts is None:
        yield HealthStep(step, True, Message("doctor.no_account_map"))
        return
    chart: dict[str, Master] = {}
    try:
        if "account" in adapter.capabilities.pulls:
            chart = _chart(adapter)
    except PlatformError as error:
        yield HealthStep(step, False, error.message)
        return
    posting = {code: dict(one.attributes).get("posting", "") for code, one in chart.items()}
    ledger = [LedgerAccount(code, one.name, posting[code] == "stock") for code, one in chart.items()]
    unused = frozenset() if rules.tax_rate else _TAX_ROLES
    broken = account_findings(accounts, rules, today, ledger, texts)
    findings = [one.reason for one in broken if one.record not in unused]
    used = {target.account for target in _targets(accounts, rules, today)}
    for code in sorted(used & chart.keys()):
        if not chart[code].active:
            findings.append(Message("doctor.account_blocked", {"account": code, "name": chart[code].name}))
        elif posting[code] == "automatic":
            findings.append(Message("doctor.account_automatic", {"account": code, "name": chart[code].name}))
    yield from (HealthStep(step, False, finding) for finding in findings)
    if not findings:
        said = "doctor.accounts_ok" if chart else "doctor.accounts_not_listed"
        yield HealthStep(step, True, Message(said, {"count": len(used), "system": adapter.capabilities.system}))


def _chart(adapter: ErpAdapter) -> dict[str, Master]:
    found: dict[str, Master] = {}
    for item in adapter.pull_masters(MasterKind.ACCOUNT, None):
        outcome: Any = item.outcome
        if isinstance(outcome, Mapped):
            found[outcome.item.code] = outcome.item
    return found


def _cash_flow(connection: Connection, accounts: AccountMap | None, rules: BookSettings, today: date) -> HealthStep:
    """No system tells whether it demands cash-flow items; the option `cash_flow_required` does."""
    step = Question.CASH_FLOW.value
    if not connection.options.get("cash_flow_required"):
        return HealthStep(step, True, Message("doctor.cash_flow_not_asked", {"connection": connection.name}))
    missing = []
    for role in our_roles(rules, hedges=False):
        target = accounts.resolve(role, today) if accounts else None
        if role in _CASH_ROLES and not (isinstance(target, AccountTarget) and target.cash_flow_item):
            missing.append(role.label)
    if missing:
        return HealthStep(step, False, Message("doctor.cash_flow_missing", {"roles": missing}))
    return HealthStep(step, True, Message("doctor.cash_flow_ok"))


def _separate_user(app: App, book: BookId, connection: Connection) -> HealthStep:
    """An account that only we use: else nobody can tell our vouchers from a person's, and a person's password ends ours."""
    step, user = Question.SEPARATE_USER.value, str(connection.options.get("user") or "")
    if not user:
        return HealthStep(step, True, Message("doctor.user_is_application"))
    with app.store.read(book) as uow:
        people = {name for one in uow.results.vouchers() for name in (one.made_by, one.approved_by) if name}
    if user.lower() in ADMINISTRATORS or user in people:
        return HealthStep(step, False, Message("doctor.user_shared", {"user": user}))
    return HealthStep(step, True, Message("doctor.user_separate", {"user": user}))


def _zone(connection: Connection) -> str:
    return str(connection.options.get("time_zone") or connection.options.get("zone") or DEFAULT_ZONE)


def _told(error: PlatformError | ValueError) -> Message:
    if isinstance(error, PlatformError):
        return error.message
    return Message("doctor.refused_as_configured", {"reason": str(error)})
