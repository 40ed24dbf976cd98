"""The files under deploy/: parsed, and held against what the program really offers. Nothing here starts a container."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from adapters.storage.figures import BookFigure, ConnectionFigure, Figures, JobFigure, OutboxFigure
from worker.metrics import metrics_text
from worker.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm" / "hedgebridge"
NOW = datetime(2026, 3, 4, tzinfo=UTC)
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def served() -> set[str]:
    """The names of all metrics."""
    figures = Figures(
        (OutboxFigure("b", "c", "pending", 1, NOW),),
        (ConnectionFigure("b", "c", "kingdee", False, None, 0, NOW, 0),),
        (JobFigure("b", "settle", "done", 1, NOW, NOW),),
        (BookFigure("b", 1, NOW.date(), NOW),),
    )
    return {name.decode() for name in re.findall(rb"^# TYPE (hedgebridge_\w+)", metrics_text(figures, NOW), re.M)}


def rendered(template: str, values: dict[str, Any]) -> str:
    """A template of the chart as Helm would write it, for the few forms it uses; anything else is an error here."""

    def value(path: str) -> Any:
        found: Any = values
        for name in path.strip(".").split("."):
            found = found[name]
        return found

    def written(match: re.Match[str]) -> str:
        words = match[1].split(" | ")
        first = words[0].split(" ")
        if first[0] == "required":
            found: Any = value(first[-1])
            assert found, "a required value is missing"
        elif first[0] == "add":
            found = value(first[1]) + int(first[2])
        else:
            assert len(first) == 1 and first[0].startswith("."), match[0]
            found = value(first[0])
        for word in words[1:]:
            name, _, argument = word.partition(" ")
            if name == "default":
                found = found or json.loads(argument)
            elif name in ("quote", "toJson"):
                found = json.dumps(str(found) if name == "quote" else found)
            else:
                raise AssertionError(match[0])
        return str(found)

    return re.sub(r"\{\{ (.*?) \}\}", written, template)


def chart(**changed: str) -> dict[str, dict[str, Any]]:
    """Every document of the chart by file name."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8")) | changed
    release = {"Values": values, "Release": {"Name": "hb", "Revision": 1}}
    return {
        path.name: yaml.safe_load(rendered(path.read_text(encoding="utf-8"), release))
        for path in sorted((CHART / "templates").glob("*.yaml"))
    }


DATABASE = "postgresql+psycopg://hedgebridge@db.example.com/hedgebridge"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_takes_the_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here: the unit was not checked")
    for other in UNITS:
        text = other.read_text(encoding="utf-8").replace("/opt/hedgebridge/bin/hedgebridge", "/bin/true")
        (tmp_path / other.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "hedgebridge" in line]
    assert ours == []


def test_every_command_in_the_files_is_one_the_program_has() -> None:
    from typer.main import get_command

    from cli.main import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    texts = [path.read_text(encoding="utf-8") for path in (*UNITS, DEPLOY / "README.md", DEPLOY / "Dockerfile")]
    texts += [json.dumps(document) for document in chart(database=DATABASE).values()]
    texts.append((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    named = set(re.findall(r'(?:bin/|worker |\["?|", )"?hedgebridge"?,? "?([a-z]+)', "\n".join(texts)))
    assert {"worker", "upgrade", "init"} <= named <= set(commands)
    options = {option for parameter in commands["worker"].params for option in parameter.opts}
    assert set(re.findall(r"worker\W+(--[a-z]+)", "\n".join(texts))) <= options


def test_compose_has_what_it_refers_to_and_no_password() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    compose = yaml.safe_load(text)
    services, secrets = compose["services"], compose["secrets"]
    for service in services.values():
        for needed in service.get("depends_on", {}):
            assert needed in services
        for secret in service.get("secrets", []):
            assert (secret if isinstance(secret, str) else secret["source"]) in secrets
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).is_dir()
        for name in service.get("environment", {}):
            if name.startswith("HEDGEBRIDGE_"):
                assert name.removeprefix("HEDGEBRIDGE_").lower() in Settings.model_fields
    assert set(secrets) == {"master_key", "db_password", "pgpass"}
    assert not re.search(r"(?i)password: *[^\s{]", text)
    for name in ("upgrade", "worker"):
        assert services[name]["read_only"] is True and services[name]["cap_drop"] == ["ALL"]


def test_the_workers_role_is_not_the_superuser_that_the_image_makes() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    above, name = (services["db"]["environment"][word] for word in ("POSTGRES_USER", "POSTGRES_DB"))
    worker, upgrade = services["worker"]["environment"], services["upgrade"]["environment"]
    works, owns = make_url(worker["HEDGEBRIDGE_DATABASE"]), make_url(upgrade["HEDGEBRIDGE_DATABASE_OWNER"])
    assert "HEDGEBRIDGE_DATABASE_OWNER" not in worker
    assert (owns.username, works.database, owns.database) == (above, name, name)
    assert works.username != above
    made = (DEPLOY / "postgres" / "roles.sh").read_text(encoding="utf-8")
    assert f"CREATE ROLE {works.username} LOGIN NOSUPERUSER NOBYPASSRLS " in made


def test_what_the_chart_mounts_is_copied_so_that_its_user_owns_it() -> None:
    """A secret's files are root's and the group's; PostgreSQL's client takes no password file that a group may read."""
    for name in ("worker.yaml", "upgrade.yaml"):
        pod = chart(database=DATABASE)[name]["spec"]["template"]["spec"]
        (copies,), (program,) = pod["initContainers"], pod["containers"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        given, own = copies["volumeMounts"]
        assert "secret" in volumes[given["name"]] and volumes[own["name"]]["emptyDir"] == {"medium": "Memory"}
        assert copies["args"][-1] == f"install -m 0600 {given['mountPath']}/* {own['mountPath']}/"
        assert {**own, "readOnly": True} in program["volumeMounts"]
        assert given["name"] not in {mount["name"] for mount in program["volumeMounts"]}


def test_the_chart_needs_a_database_and_its_documents_are_whole() -> None:
    with pytest.raises(AssertionError, match="required"):
        chart()
    documents = chart(database=DATABASE, broker="rediss://redis.example.com:6379/0")
    worker = documents["worker.yaml"]
    assert [documents[name]["kind"] for name in sorted(documents)] == ["PodDisruptionBudget", "Job", "Deployment"]
    pod = worker["spec"]["template"]
    assert worker["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert pod["spec"]["terminationGracePeriodSeconds"] > 420
    (container,) = pod["spec"]["containers"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted <= {volume["name"] for volume in pod["spec"]["volumes"]}
    for one in (pod, documents["upgrade.yaml"]["spec"]["template"]):
        assert one["spec"]["securityContext"]["runAsNonRoot"] is True
        for name in (setting["name"] for setting in one["spec"]["containers"][0]["env"]):
            assert name == "PGPASSFILE" or name.removeprefix("HEDGEBRIDGE_").lower() in Settings.model_fields
    assert {port["name"] for port in container["ports"]} >= {container["livenessProbe"]["httpGet"]["port"]}


def test_an_alert_can_fire_while_workers_look_again_and_end_when_the_trouble_ended() -> None:
    """A row that is looked up again is due later, so its age never grows; failed jobs are counted over all time."""
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    asked = {rule["alert"]: rule for group in rules["groups"] for rule in group["rules"]}
    unknown = asked["HedgeBridgeUnknownOutcome"]
    assert "oldest_seconds" not in unknown["expr"] and unknown["for"] == "30m"
    assert "offset" in asked["HedgeBridgeJobFailed"]["expr"]


def test_alerts_and_dashboard_ask_for_metrics_that_exist_and_leave_none_out() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert all({"alert", "expr", "labels", "annotations"} <= rule.keys() for rule in alerts)
    assert all({"summary", "summary_zh"} <= rule["annotations"].keys() for rule in alerts)
    dashboard = json.loads((DEPLOY / "grafana" / "hedgebridge.json").read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = set(re.findall(r"hedgebridge_\w+", " ".join([*(rule["expr"] for rule in alerts), *shown])))
    assert asked == served()
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
