"""Terms that a company keeps beside its ERP: new versions with a date and a reason, what is in force, and their history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from hedge_core.contract_terms import from_template, line_names
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.physical import PricingKind
from hedge_core.model.terms import ContractTemplate, HedgePlan, LineTerms, Terms, kind_of, subject_of
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.term_checks import problems
from messages import Message


def save_terms(store: Store, book: BookId, rows: Sequence[tuple[date, Terms]], reason: str, actor: Actor) -> int:
    """Keep terms, all or none; answers how many are new. A row that says what its last version said changes nothing, and
    nothing is ever overwritten. InvalidInput for hedge plans, which are proposed and approved instead, for a line or
    template that is not there, for a field that cannot be meant (`term_checks`), and for a basis line that does not say its
    formula."""
    with store.begin(book, actor) as uow:
        new = 0
        for since, terms in rows:
            if isinstance(terms, HedgePlan):
                raise InvalidInput("terms", 0, "kind", Message("terms.plan"))
            for field, wrong in problems(terms):
                raise InvalidInput(subject_of(terms), 0, field, wrong)
            checked = _line_terms(uow, terms, since) if isinstance(terms, LineTerms) else terms
            before = len(uow.commodity.history(type(checked), subject_of(checked)))
            uow.commodity.add_terms(checked, since, reason)
            new += len(uow.commodity.history(type(checked), subject_of(checked))) - before
        if new:
            kinds = sorted({kind_of(terms) for _, terms in rows})
            uow.audit.append("terms.saved", ",".join(kinds), {"rows": len(rows), "new": new, "reason": reason})
        return new


def apply_template(
    store: Store, book: BookId, template: str, line: str, instrument: str, since: date, reason: str, actor: Actor
) -> LineTerms:
    """Give a line the terms of a template, with its own reference instrument. InvalidInput when either is not there."""
    with store.begin(book, actor) as uow:
        found = {one.name: one for one in uow.commodity.in_force(ContractTemplate, since)}.get(template)
        if found is None:
            raise InvalidInput("terms", 0, "template", Message("terms.no_template", {"template": template}))
        lines = [one for one in uow.physical.contract_lines() if line in line_names(one)]
        if len(lines) != 1:
            raise InvalidInput("terms", 0, "line", Message("pricing.no_line", {"line": line}))
        terms = from_template(found, lines[0], instrument)
        for field, wrong in problems(terms):
            raise InvalidInput(line, 0, field, wrong)
        uow.commodity.add_terms(terms, since, reason)
        uow.audit.append("terms.saved", terms.line, {"template": template, "reason": reason})
        return terms


def _line_terms(uow: UnitOfWork, terms: LineTerms, since: date) -> LineTerms:
    """Checked; the line is stored by its record where one line has that name."""
    named = [line for line in uow.physical.contract_lines() if terms.line in line_names(line)]
    if not named:
        raise InvalidInput("terms", 0, "line", Message("pricing.no_line", {"line": terms.line}))
    if terms.first_day > terms.last_day:
        raise RuleBroken("terms_window", terms.line, Message("terms.window", {"line": terms.line}))
    if terms.kind is PricingKind.BASIS and terms.formula is None:
        raise RuleBroken("terms_formula", terms.line, Message("terms.formula", {"line": terms.line}))
    if terms.kind is PricingKind.AVERAGE and terms.pricing_days < 1:
        raise RuleBroken("terms_days", terms.line, Message("terms.days", {"line": terms.line}))
    return terms
