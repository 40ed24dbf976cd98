"""Starts a fresh Kingdee stand-in per test, and a bare HTTP client that knows nothing of ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.kingdee.command import RunningSite, SiteOptions, running_site

AUTH = "Kingdee.BOS.WebApi.ServicesStub.AuthService."
FORMS = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService."


@dataclass
class BareClient:
    """Posts bodies as they are and hands back answers as they come."""

    running: RunningSite
    http: requests.Session = field(default_factory=requests.Session)

    def post(self, service: str, body: Any, **options: Any) -> requests.Response:
        return self.http.post(f"{self.running.url}{service}.common.kdsvc", json=body, timeout=20, **options)

    def log_in(self) -> dict[str, Any]:
        mine = self.running.credentials
        answer = self.post(AUTH + "ValidateUser", {"parameters": [mine.acct_id, mine.user, mine.password, 2052]})
        return answer.json()

    def form(self, operation: str, form_id: str, data: Any) -> Any:
        return self.post(FORMS + operation, {"formid": form_id, "data": data}).json()

    def query(self, form_id: str, keys: str, condition: Any = "", **more: Any) -> Any:
        data = {"FormId": form_id, "FieldKeys": keys, "FilterString": condition, **more}
        return self.post(FORMS + "ExecuteBillQuery", {"data": data}).json()

    def control(self, name: str, body: Any = None) -> Any:
        headers = {"X-Control-Token": self.running.control_token}
        url = self.running.control_url + name
        if body is None:
            answer = requests.get(url, headers=headers, timeout=20)
        else:
            answer = requests.post(url, headers=headers, data=json.dumps(body), timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="session")
def loaded_books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo company's books as a file, loaded once and copied by every test."""
    path = tmp_path_factory.mktemp("kingdee") / "books.sqlite"
    with running_site(SiteOptions(db=str(path))):
        pass
    return path


@pytest.fixture
def open_site(loaded_books: Path, tmp_path: Path) -> Iterator[Callable[..., BareClient]]:
    """Starts sites with options; each has its own copy of the books and a client that is logged in."""
    with ExitStack() as stack:
        count = 0

        def start(options: SiteOptions | None = None, *, log_in: bool = True) -> BareClient:
            nonlocal count
            count += 1
            options = options or SiteOptions()
            if options.custom_fields and not options.db:
                copy = tmp_path / f"books{count}.sqlite"
                shutil.copy(loaded_books, copy)
                options = replace(options, db=str(copy))
            client = BareClient(stack.enter_context(running_site(options)))
            stack.callback(client.http.close)
            if log_in:
                assert client.log_in()["LoginResultType"] == 1
            return client

        yield start


@pytest.fixture
def client(open_site: Callable[..., BareClient]) -> BareClient:
    """A client that is logged in at a site with default options."""
    return open_site()


def _voucher(amount: float = 1200.0, **head: Any) -> dict[str, Any]:
    cash = {"FDETAILID__FF100002": {"FNumber": "80010001"}}

    def line(account: str, debit: float, credit: float, **more: Any) -> dict[str, Any]:
        return {
            "FEXPLANATION": "期货平仓盈亏",
            "FACCOUNTID": {"FNumber": account},
            "FCURRENCYID": {"FNumber": "PRE001"},
            "FEXCHANGERATETYPE": {"FNumber": "HLTX01_SYS"},
            "FEXCHANGERATE": 1,
            "FAMOUNTFOR": debit or credit,
            "FDEBIT": debit,
            "FCREDIT": credit,
            **more,
        }

    return {
        "FAccountBookID": {"FNumber": "001"},
        "FDate": "2026-03-20",
        "FVOUCHERGROUPID": {"FNumber": "PRE001"},
        "F_HB_Key": "HBABCDEFGHJKMNPQ",
        **head,
        "FEntity": [line("1012", amount, 0, FDetailID=cash), line("6111.01", 0, amount)],
    }


@pytest.fixture
def voucher() -> Callable[..., dict[str, Any]]:
    """Makes the Model of a voucher the ledger takes."""
    return _voucher
