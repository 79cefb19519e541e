"""Writes values.schema.json of every chart under deploy/helm: `python tools/helm_schemas.py`.

Helm validates a chart's values against its own file alone, so what all services share is put into each.
"""

import json
from pathlib import Path
from typing import Any

HELM = Path(__file__).parent.parent / "deploy" / "helm"
Schema = dict[str, Any]


def closed(properties: Schema, **more: Any) -> Schema:
    """An object with these properties and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def whole(minimum: int, maximum: int = 100_000) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": minimum, "maximum": maximum}


def matching(pattern: str, *, empty: bool = False) -> Schema:
    """A text of this form."""
    return {"type": "string", "pattern": f"^({pattern}){'?' if empty else ''}$"}


TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
ANY: Schema = {"type": "object"}
NAME = matching(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
OPTIONAL_NAME = matching(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", empty=True)
SIZE = matching(r"[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
QUANTITY: Schema = {"anyOf": [SIZE, {"type": "number", "exclusiveMinimum": 0}]}
SETTING = {"anyOf": [TEXT, {"type": "number"}, FLAG]}
SETTINGS = {"type": "object", "propertyNames": {"pattern": "^[A-Z][A-Z0-9_]*$"}}
URL = matching(r"https?://\S+", empty=True)
ADDRESS = matching(r"[A-Za-z0-9._-]+:[0-9]{1,5}", empty=True)

IMAGE = closed(
    {
        "repository": matching(r"[a-z0-9]+([._/-][a-z0-9_]+)*", empty=True),
        "tag": matching(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", empty=True),
        "digest": matching(r"sha256:[0-9a-f]{64}", empty=True),
        "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
        "pullSecrets": {"type": "array", "items": closed({"name": NAME}, required=["name"])},
    }
)
PER_NAME = {"type": "object", "propertyNames": {"enum": ["cpu", "memory", "ephemeral-storage"]}}
RESOURCES = closed(dict.fromkeys(("requests", "limits"), PER_NAME | {"additionalProperties": QUANTITY}))
GPU = closed({"count": whole(0, 16), "resource": NAME | {"pattern": "^[a-z0-9./-]+$"}, "runtimeClass": OPTIONAL_NAME})
VOLUME = closed(
    {
        "path": matching(r"/app/[A-Za-z0-9._/-]+"),
        "size": SIZE,
        "accessMode": {"enum": ["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]},
        "storageClass": OPTIONAL_NAME,
        "existingClaim": OPTIONAL_NAME,
    },
    required=["path", "size"],
)
STREAM = matching(r"[a-z0-9_.]+(:[a-z]+)?")
GLOBAL = closed(
    {
        "image": closed({"registry": TEXT, "tag": IMAGE["properties"]["tag"]}),
        "env": SETTINGS | {"additionalProperties": SETTING},
        "redis": closed({"address": ADDRESS, "tls": FLAG, "cidr": TEXT, "caSecret": OPTIONAL_NAME}),
        "models": closed({"claim": OPTIONAL_NAME}),
        "keda": closed({"enabled": FLAG, "secret": NAME}),
        "monitoring": closed({"enabled": FLAG, "namespace": NAME}),
        "otlp": closed(
            {"endpoint": matching(r"https?://\S+", empty=True), "namespace": NAME, "port": whole(1, 65_535)}
        ),
    }
)
SERVICE: Schema = {
    "enabled": FLAG,
    "global": GLOBAL,
    "defaults": ANY,
    "image": IMAGE,
    "replicas": whole(0, 1000),
    "workload": {"enum": ["Deployment", "DaemonSet"]},
    "args": {"type": "array", "items": TEXT},
    "env": SETTINGS | {"additionalProperties": SETTING},
    "secretEnv": SETTINGS | {"additionalProperties": closed({"secret": NAME, "key": TEXT}, required=["secret", "key"])},
    "port": whole(1024, 65_535),
    "service": closed({"type": {"enum": ["ClusterIP", "NodePort", "LoadBalancer"]}, "annotations": ANY}),
    "redis": closed({"secret": OPTIONAL_NAME}),
    "resources": RESOURCES,
    "gpu": GPU,
    "drainSeconds": whole(0, 3600),
    "startSeconds": whole(10, 7200),
    "preStopSeconds": whole(0, 300),
    "persistence": {"type": "object", "propertyNames": {"pattern": NAME["pattern"]}, "additionalProperties": VOLUME},
    "secretFiles": {
        "type": "object",
        "additionalProperties": closed(
            {"path": VOLUME["properties"]["path"], "secret": NAME}, required=["path", "secret"]
        ),
    },
    "mountModels": FLAG,
    "pdb": closed({"enabled": FLAG, "maxUnavailable": whole(0, 1000)}),
    "networkPolicy": closed({"enabled": FLAG, "public": FLAG, "extraEgress": {"type": "array", "items": ANY}}),
    "keda": closed(
        {
            "min": whole(0, 1000),
            "max": whole(1, 1000),
            "lag": whole(1),
            "streams": {"type": "array", "items": STREAM},
            "group": TEXT,
            "cooldownSeconds": whole(0, 3600),
        }
    ),
    "serviceMonitor": closed({"interval": matching(r"[0-9]+(ms|s|m)"), "labels": ANY}),
    "podAnnotations": ANY,
    "podLabels": ANY,
    "nodeSelector": ANY,
    "tolerations": {"type": "array", "items": ANY},
    "affinity": ANY,
    "topologySpread": FLAG,
    "priorityClassName": TEXT,
}
OWN: dict[str, Schema] = {
    "gateway": {
        "hpa": closed({"enabled": FLAG, "min": whole(1, 1000), "max": whole(1, 1000), "cpuPercent": whole(1, 100)}),
        "route": closed(
            {
                "enabled": FLAG,
                "gateway": closed({"name": NAME, "namespace": NAME}),
                "hostnames": {"type": "array", "items": matching(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*")},
                "stable": closed({"service": OPTIONAL_NAME, "namespace": OPTIONAL_NAME, "weight": whole(0, 100)}),
                "weight": whole(0, 100),
                "canaryNamespace": OPTIONAL_NAME,
            }
        ),
    },
    "hermes": {"tensorParallel": whole(1, 16)},
    "trainer": {
        "night": closed(
            {
                "enabled": FLAG,
                "schedule": matching(r"(\S+ ){4}\S+|@(daily|midnight|weekly)"),
                "timeZone": matching(r"[A-Za-z_]+(/[A-Za-z_+-]+[0-9]*)*"),
                "maxHours": whole(1, 24),
                "image": IMAGE,
                "resources": RESOURCES,
                "gpu": GPU,
                "env": SERVICE["env"],
            }
        ),
    },
}
REDIS = {
    "enabled": FLAG,
    "global": GLOBAL,
    "image": IMAGE,
    "users": NAME,
    "fsync": {"enum": ["everysec", "always"]},
    "maxMemory": matching(r"[0-9]+(b|kb|mb|gb)?"),
    "port": whole(1024, 65_535),
    "resources": RESOURCES,
    "persistence": closed({"size": SIZE, "storageClass": OPTIONAL_NAME}),
    "terminationSeconds": whole(1, 3600),
    "keda": closed({"namespace": NAME}),
}
MODELS = closed(
    {"create": FLAG, "size": SIZE, "accessMode": VOLUME["properties"]["accessMode"], "storageClass": OPTIONAL_NAME}
)


def schemas() -> dict[str, Schema]:
    """The schema of every chart, by its folder."""
    services = sorted(path.parent.parent.name for path in HELM.glob("*/templates/all.yaml"))
    found = {name: closed(SERVICE | OWN.get(name, {})) for name in services}
    parts = {_key(name): ANY for name in ("redis", *services)}  # each has a schema of its own
    return found | {"redis": closed(REDIS), "osiris": closed({"global": GLOBAL, "models": MODELS, **parts})}


def render(name: str, schema: Schema) -> str:
    """The file of one chart."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"Values of the chart {name}"}
    return json.dumps(head | schema, indent=1) + "\n"


def _key(name: str) -> str:
    first, *rest = name.split("-")
    return first + "".join(map(str.capitalize, rest))


if __name__ == "__main__":
    for chart, schema in schemas().items():
        (HELM / chart / "values.schema.json").write_text(render(chart, schema))
