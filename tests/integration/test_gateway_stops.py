"""A gateway that stops while somebody waits for an answer."""

import asyncio

import httpx

from osiris_contracts import GenerateRequest, ModelStatus, streams
from osiris_gateway.app import build
from osiris_gateway.settings import GatewaySettings
from osiris_mesh import Delivery, MeshSettings, Service


async def test_who_cannot_be_served_in_time_is_asked_to_come_again(redis_url: str) -> None:
    hermes = Service("hermes", MeshSettings(redis_url=redis_url, drain_seconds=0))
    hermes.model_status = lambda: ModelStatus(loaded=True, version="slow", file_exists=True, device="cpu")
    begun = asyncio.Event()

    @hermes.consume(streams.HERMES_REQUESTS, GenerateRequest)
    async def think(request: GenerateRequest, delivery: Delivery) -> None:
        begun.set()
        await asyncio.sleep(60)

    gateway = build(GatewaySettings(redis_url=redis_url, probe_port=0, drain_seconds=1))
    async with hermes.running(), httpx.AsyncClient(timeout=30) as http:
        async with gateway.running(probes=True):
            url = gateway.presence().probe_url
            asking = asyncio.create_task(http.post(f"{url}/generate/", json={"prompt": "Why?"}))
            await asyncio.wait_for(begun.wait(), 20)
        answer = await asking
    assert answer.status_code == 503
    assert answer.json()["code"] == "cancelled"
    assert int(answer.headers["retry-after"]) >= 1
