"""What Prometheus' rules and Grafana's dashboards ask for is really exported by the services, with these labels."""

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client import CollectorRegistry

from osiris_azr_planner.app import build as azr_planner
from osiris_azr_planner.settings import PlannerSettings
from osiris_dgm.app import build as dgm
from osiris_dgm.settings import DgmSettings
from osiris_gateway.app import build as gateway
from osiris_gateway.settings import GatewaySettings
from osiris_hermes.app import build as hermes
from osiris_hermes.settings import HermesSettings
from osiris_orchestrator.app import build as orchestrator
from osiris_orchestrator.settings import OrchestratorSettings
from osiris_phi3.app import build as phi3
from osiris_phi3.settings import Phi3Settings
from osiris_trainer.app import build as trainer
from osiris_trainer.settings import TrainerSettings
from osiris_tts.app import build as tts
from osiris_tts.settings import TtsSettings
from osiris_watchdog.app import build as watchdog
from osiris_watchdog.settings import WatchdogSettings

REPOSITORY = Path(__file__).parent.parent.parent
DEPLOY = REPOSITORY / "deploy"
OF_THE_SCRAPE = {"job", "instance"}
PROMETHEUS_OWN = {"up": frozenset[str]()}

RULES = [
    pytest.param(rule, id=rule["alert"])
    for group in yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
BOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
LINES = [
    pytest.param(target, id=f"{path.stem}-{panel['title']}-{target['refId']}")
    for path in BOARDS
    for panel in json.loads(path.read_text())["panels"]
    for target in panel["targets"]
]


@pytest.fixture(scope="module")
def exported() -> dict[str, frozenset[str]]:
    """The labels of every sample that some service exports, by its name."""
    services = (
        gateway(GatewaySettings()),
        phi3(Phi3Settings()),
        hermes(HermesSettings()),
        orchestrator(OrchestratorSettings()),
        trainer(TrainerSettings()),
        azr_planner(PlannerSettings()),
        dgm(DgmSettings()),
        tts(TtsSettings()),
        watchdog(WatchdogSettings(meter="memory")),
    )
    return {name: labels for service in services for name, labels in _samples(service.metrics.registry)}


def _samples(registry: CollectorRegistry) -> Iterator[tuple[str, frozenset[str]]]:
    for name, collector in registry._names_to_collectors.items():
        labels = frozenset(getattr(collector, "_labelnames", ()))
        yield name, labels | {"le"} if name.endswith("_bucket") else labels


def selectors(node: Any) -> Iterator[Any]:
    """Every metric that an expression names."""
    if isinstance(node, promql.VectorSelector):
        yield node
    for name in ("vector_selector", "expr", "lhs", "rhs"):
        if (child := getattr(node, name, None)) is not None:
            yield from selectors(child)
    for child in getattr(node, "args", None) or ():
        yield from selectors(child)


def grouped(node: Any) -> set[str]:
    """Every label that an expression groups by."""
    modifier = getattr(node, "modifier", None)
    found = set(modifier.labels) if isinstance(node, promql.AggregateExpr) and modifier else set()
    for name in ("expr", "lhs", "rhs"):
        if (child := getattr(node, name, None)) is not None:
            found |= grouped(child)
    return found.union(*(grouped(child) for child in getattr(node, "args", None) or ()))


def check(expression: str, exported: dict[str, frozenset[str]]) -> set[str]:
    """Fail where the expression asks for what nobody exports; the labels that its answer may bear."""
    tree = promql.parse(expression)
    found = list(selectors(tree))
    assert found, expression
    known = exported | PROMETHEUS_OWN
    labels: set[str] = set()
    for selector in found:
        assert selector.name in known, f"nobody exports {selector.name}"
        labels = labels | known[selector.name] | OF_THE_SCRAPE
        asked = {matcher.name for matcher in selector.matchers.matchers}
        assert asked <= known[selector.name] | OF_THE_SCRAPE, f"{selector.name} has no label {asked}"
    assert grouped(tree) <= labels, expression
    return grouped(tree) or labels


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_asks_for_what_is_exported(rule: dict[str, Any], exported: dict[str, frozenset[str]]) -> None:
    labels = check(rule["expr"], exported)
    said = rule["annotations"]["summary"]
    assert set(re.findall(r"\$labels\.(\w+)", said)) <= labels, said
    assert rule["labels"]["severity"] in ("warning", "critical")


@pytest.mark.parametrize("target", LINES)
def test_a_line_of_a_dashboard_draws_what_is_exported(
    target: dict[str, str], exported: dict[str, frozenset[str]]
) -> None:
    labels = check(target["expr"], exported)
    assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels


def test_every_service_is_scraped_and_missed_when_it_is_down() -> None:
    """By its name in containers, and in Kubernetes, where the job is called after the Service."""
    (down,) = [rule.values[0] for rule in RULES if rule.id == "OsirisServiceDown"]
    (selector,) = selectors(promql.parse(down["expr"]))
    (jobs,) = [matcher.value for matcher in selector.matchers.matchers]
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    scraped = {name for group in config["scrape_configs"][0]["dns_sd_configs"] for name in group["names"]}
    services = {path.parent.name for path in REPOSITORY.glob("services/*/pyproject.toml")}
    assert scraped == services
    for name in services:
        assert re.fullmatch(jobs, name)
        assert re.fullmatch(jobs, f"osiris-{name.replace('_', '-')}")


@pytest.mark.parametrize("subject", ["osiris_nights", "osiris_corrections_waiting", "osiris_dgm_tried_total"])
def test_what_is_learnt_is_drawn(subject: str) -> None:
    assert any(subject in line.values[0]["expr"] for line in LINES)


def test_a_metric_that_nobody_exports_is_found(exported: dict[str, frozenset[str]]) -> None:
    for wrong in ("osiris_lagg", "sum by (color) (osiris_lag)", 'osiris_lag{color="red"}'):
        with pytest.raises(AssertionError):
            check(wrong, exported)


def test_the_dashboards_are_those_that_the_tool_writes() -> None:
    tool = runpy.run_path(str(REPOSITORY / "tools" / "dashboards.py"))
    assert {path.stem: path.read_text() for path in BOARDS} == {uid: tool["render"](uid) for uid in tool["BOARDS"]}, (
        "run: make dashboards"
    )
