"""What a running service tells Prometheus."""

from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from osiris_contracts import Presence
from osiris_mesh.presence import alive


async def told(redis: Any, service: str) -> dict[str, float]:
    """The samples of the one instance that lives."""
    (present,) = await alive(redis, service)
    return await samples(present)


async def samples(present: Presence) -> dict[str, float]:
    """The samples of one instance's /metrics, as `name` or `name{label}` of metrics that have one label."""
    async with httpx.AsyncClient(follow_redirects=True) as http:
        text = (await http.get(f"{present.probe_url}/metrics")).text
    return {
        "".join([sample.name, *(f"{{{value}}}" for value in sample.labels.values())]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
