"""The charts render what Kubernetes takes, and refuse values that are wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import charts
import kubernetes_validate
import pytest
from charts import Manifest
from helm_python.chart import Chart, lint
from helm_python.errors import HelmError

KUBERNETES = "1.37"
CUSTOM = {"ServiceMonitor", "ScaledObject", "TriggerAuthentication", "HTTPRoute", "ReferenceGrant"}
PRODUCTION = ("values-gpu.yaml", "values-production.yaml")
RELEASES = [(), *((file,) for file in charts.VALUE_FILES), PRODUCTION]


@pytest.fixture(scope="module", params=RELEASES, ids=lambda files: "+".join(files) or "values.yaml")
def release(request: pytest.FixtureRequest, helm: Path) -> list[Manifest]:
    """The umbrella with one set of value files."""
    return charts.render(helm / charts.UMBRELLA, charts.merged(*request.param))


@pytest.fixture(scope="module")
def production(helm: Path) -> list[Manifest]:
    """All that can be switched on."""
    return charts.render(helm / charts.UMBRELLA, charts.merged(*PRODUCTION))


@pytest.mark.parametrize("chart", [*charts.SERVICES, charts.UMBRELLA])
def test_a_chart_is_clean(chart: str, helm: Path) -> None:
    report = lint(helm / chart, strict=True, with_subcharts=True)
    assert not report["errors"], report
    assert [each for each in report["messages"] if each["severity"] > 1] == []


@pytest.mark.parametrize("chart", charts.SERVICES)
def test_a_service_is_a_release_of_its_own(chart: str, helm: Path) -> None:
    manifests = charts.render(helm / chart)
    assert {"Service", "NetworkPolicy"} <= {each["kind"] for each in manifests}
    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_kubernetes_takes_every_manifest(release: list[Manifest]) -> None:
    assert release
    for manifest in release:
        if manifest["kind"] not in CUSTOM:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    names = [(each["kind"], each["metadata"]["name"]) for each in release]
    assert len(names) == len(set(names)), "two manifests of one name"


def test_nothing_runs_as_root_or_writes_to_its_image(release: list[Manifest]) -> None:
    for pod in pods(release):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False, "OSIRIS_GATEWAY_PORT would be tcp://…"
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] and context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


def test_a_pod_has_more_time_to_end_than_it_drains(release: list[Manifest]) -> None:
    for pod in pods(release):
        env = {each["name"]: each.get("value") for each in pod["spec"]["containers"][0].get("env", [])}
        if "OSIRIS_DRAIN_SECONDS" in env:
            assert pod["spec"]["terminationGracePeriodSeconds"] >= int(env["OSIRIS_DRAIN_SECONDS"]) + 10


def test_secrets_are_named_and_never_written(release: list[Manifest]) -> None:
    assert "Secret" not in {each["kind"] for each in release}
    for pod in pods(release):
        for variable in pod["spec"]["containers"][0].get("env", []):
            if "REDIS_URL" in variable["name"] or "KEY" in variable["name"]:
                assert "secretKeyRef" in variable["valueFrom"]


def test_only_the_gateway_is_reached_from_everywhere(production: list[Manifest]) -> None:
    policies = [each for each in production if each["kind"] == "NetworkPolicy"]
    guarded = [each["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] for each in policies]
    assert set(guarded) == {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods(production)} - {
        "trainer-night"
    }
    for policy, name in zip(policies, guarded, strict=True):
        assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
        everywhere = [rule for rule in policy["spec"]["ingress"] if not rule.get("from")]
        assert bool(everywhere) == (name == "gateway"), name


def test_inside_only_redis_is_reached(helm: Path) -> None:
    for policy in charts.render(helm / charts.UMBRELLA):
        if policy["kind"] == "NetworkPolicy":
            for rule in policy["spec"]["egress"]:
                to_redis = rule.get("to") == [
                    {
                        "podSelector": {
                            "matchLabels": {"app.kubernetes.io/name": "redis", "app.kubernetes.io/instance": "osiris"}
                        }
                    }
                ]
                to_names = {each["port"] for each in rule["ports"]} == {53}
                assert to_redis or to_names, policy["metadata"]["name"]


def test_workers_follow_their_queues(production: list[Manifest]) -> None:
    scaled = {each["metadata"]["name"]: each["spec"] for each in production if each["kind"] == "ScaledObject"}
    assert set(scaled) == {"osiris-hermes", "osiris-phi3", "osiris-tts", "osiris-azr-planner"}
    streams = [each["metadata"] for each in scaled["osiris-hermes"]["triggers"]]
    assert [each["stream"] for each in streams] == [
        "hermes.requests:interactive",
        "hermes.requests",
        "hermes.requests:batch",
    ]
    assert {each["consumerGroup"] for each in streams} == {"hermes"}
    planner = scaled["osiris-azr-planner"]["triggers"]
    assert [(each["metadata"]["stream"], each["metadata"]["consumerGroup"]) for each in planner] == [
        ("planner.requests", "azr_planner")
    ]
    assert {each["address"] for each in streams} == {"redis.example:6380"}
    assert {each["enableTLS"] for each in streams} == {"true"}
    authentications = {each["metadata"]["name"] for each in production if each["kind"] == "TriggerAuthentication"}
    for name, spec in scaled.items():
        assert spec["scaleTargetRef"] == {"name": name}
        assert {each["authenticationRef"]["name"] for each in spec["triggers"]} <= authentications
        workload = of(production, "Deployment", name)
        assert "replicas" not in workload["spec"], "two who count"
    gateway = of(production, "HorizontalPodAutoscaler", "osiris-gateway")["spec"]
    assert gateway["minReplicas"] == 3 and "replicas" not in of(production, "Deployment", "osiris-gateway")["spec"]


def test_the_night_never_runs_twice_at_once(production: list[Manifest]) -> None:
    night = of(production, "CronJob", "osiris-trainer-night")["spec"]
    assert night["concurrencyPolicy"] == "Forbid"
    pod = night["jobTemplate"]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["args"] == ["--once"] and container["image"].startswith("osiris/night:")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert "startupProbe" not in container and pod["restartPolicy"] == "OnFailure"


def test_models_share_a_volume_where_it_is_named(production: list[Manifest]) -> None:
    claim = of(production, "PersistentVolumeClaim", "osiris-models")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for name in ("osiris-hermes", "osiris-phi3", "osiris-trainer"):
        volumes = {
            each["name"]: each for each in of(production, "Deployment", name)["spec"]["template"]["spec"]["volumes"]
        }
        assert volumes["models"]["persistentVolumeClaim"] == {"claimName": "osiris-models"}


def test_beside_large_models_the_watchdog_reads_gpus_alone(production: list[Manifest]) -> None:
    """Main memory has a limit of small models."""
    container = of(production, "DaemonSet", "osiris-watchdog")["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "OSIRIS_WATCHDOG_METER", "value": "gpu"} in container["env"]


def test_one_model_can_lie_on_several_gpus(helm: Path) -> None:
    values = {"hermes": {"tensorParallel": 4}}
    container = of(charts.render(helm / charts.UMBRELLA, values), "Deployment", "osiris-hermes")["spec"]["template"][
        "spec"
    ]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "4"
    assert {"name": "OSIRIS_HERMES_TENSOR_PARALLEL", "value": "4"} in container["env"]


def test_a_canary_gets_a_tenth(helm: Path) -> None:
    canary = charts.render(
        helm / charts.UMBRELLA, charts.merged("values-canary.yaml"), name="osiris-canary", namespace="osiris-canary"
    )
    route = of(canary, "HTTPRoute", "osiris-canary-gateway")["spec"]["rules"][0]
    shares = {each["name"]: each["weight"] for each in route["backendRefs"]}
    assert shares == {"osiris-canary-gateway": 10, "osiris-gateway": 90}
    assert all("method" in match for match in route["matches"]), "goes before the stable release's route"
    workloads = [each for each in canary if each["kind"] == "Deployment"]
    assert {each["spec"]["replicas"] for each in workloads} == {1}
    env = {each["name"]: each.get("value") for each in workloads[0]["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env["OSIRIS_TRACE_SHARE"] == "1.0" and env["OSIRIS_OTLP_ENDPOINT"].startswith("http")

    stable = charts.render(helm / charts.UMBRELLA, charts.merged("values-production.yaml"))
    grant = of(stable, "ReferenceGrant", "osiris-gateway")["spec"]
    assert grant["from"][0]["namespace"] == "osiris-canary" and grant["to"][0]["name"] == "osiris-gateway"
    own = of(stable, "HTTPRoute", "osiris-gateway")["spec"]["rules"][0]
    assert not any("method" in match for match in own["matches"])


def test_an_image_is_named_by_digest(helm: Path) -> None:
    digest = "sha256:" + "a" * 64
    values = {"global": {"image": {"registry": "mirror.example/desk"}}, "phi3": {"image": {"digest": digest}}}
    containers = of(charts.render(helm / charts.UMBRELLA, values), "Deployment", "osiris-phi3")["spec"]["template"][
        "spec"
    ]
    assert containers["containers"][0]["image"] == f"mirror.example/desk/osiris/phi3@{digest}"


WRONG: list[dict[str, Any]] = [
    {"gatway": {"enabled": True}},
    {"gateway": {"replica": 3}},
    {"gateway": {"replicas": -1}},
    {"gateway": {"port": 80}},
    {"gateway": {"route": {"weight": 110}}},
    {"gateway": {"secretEnv": {"OSIRIS_GATEWAY_API_KEY": "in plain text"}}},
    {"gateway": {"hpa": {"cpuPercent": 0}}},
    {"hermes": {"tensorParallel": 0}},
    {"hermes": {"env": {"OSIRIS_HERMES_SLOTS": {"nested": 1}}}},
    {"phi3": {"image": {"digest": "sha256:abc"}}},
    {"phi3": {"image": {"pullPolicy": "Sometimes"}}},
    {"phi3": {"resources": {"limits": {"memory": "lots"}}}},
    {"phi3": {"keda": {"max": 0}}},
    {"trainer": {"night": {"schedule": "at two"}}},
    {"trainer": {"persistence": {"lancedb": {"path": "/etc", "size": "20Gi"}}}},
    {"redis": {"fsync": "sometimes"}},
    {"redis": {"enabled": "yes"}},
    {"azrPlanner": {"enabled": True, "prot": 8001}},
    {"global": {"redis": {"address": "redis://host"}}},
    {"global": {"otlp": {"endpoint": "collector"}}},
    {"models": {"accessMode": "Shared"}},
]


@pytest.mark.parametrize("values", WRONG, ids=str)
def test_wrong_values_are_refused(values: dict[str, Any], helm: Path) -> None:
    with Chart.load(helm / charts.UMBRELLA) as chart, pytest.raises(HelmError):
        chart.validate_schema(values)


def pods(manifests: list[Manifest]) -> Iterator[Manifest]:
    for manifest in manifests:
        spec = manifest.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template:
            yield template


def of(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    [found] = [each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found
