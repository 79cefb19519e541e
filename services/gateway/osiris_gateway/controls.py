"""What the owner tells the desk: kept on a stream until the desk obeys, and told whether it has."""

import asyncio
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from pydantic import ValidationError

from osiris_contracts import DeskCommand, DeskControlBody, DeskOrder, DeskReceipt, DeskStatus, streams
from osiris_mesh import Bus, MalformedEnvelope, new_uuid
from osiris_mesh.envelope import parse
from osiris_mesh.http.problems import INPUT, responses

CONFIRM_SECONDS = 3.0
_LOOK_SECONDS = 0.05
_LOOK_BACK = 20


class Controls:
    """Commands the desk."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def tell(self, command: DeskCommand) -> DeskReceipt:
        """Put the command where the desk finds it, and wait up to CONFIRM_SECONDS for it to obey, if it lives."""
        command_id = new_uuid()
        await self._bus.publish(streams.DESK_COMMANDS, command, id=str(command_id))
        give_up = asyncio.get_running_loop().time() + CONFIRM_SECONDS
        lives = any(each.ready for each in await self._bus.instances(streams.DESK_GROUP))
        while True:
            statuses = await self._statuses()
            confirmed = any(each.command_id == str(command_id) for each in statuses)
            if confirmed or not lives or asyncio.get_running_loop().time() > give_up:
                return DeskReceipt(
                    command=command.command,
                    command_id=command_id,
                    confirmed=confirmed,
                    status=statuses[0] if statuses else None,
                )
            await asyncio.sleep(_LOOK_SECONDS)

    async def _statuses(self) -> list[DeskStatus]:
        """What the desk said last, newest first."""
        found = []
        for _, fields in await self._bus.redis.xrevrange(streams.DESK_STATUS, count=_LOOK_BACK):
            try:
                found.append(DeskStatus.model_validate_json(parse(fields).data))
            except (MalformedEnvelope, ValidationError):
                continue  # somebody else's; the desk writes none such
        return found


_SUMMARY: dict[DeskOrder, str] = {
    "pause": "Take no more bars, once the cycle under way is decided",
    "resume": "Take bars again",
    "stop": "No new exposure: cycles go on, and orders that reduce what is held still pass",
    "allow": "New exposure again",
}


def _told_to(command: DeskOrder) -> HTTPRouteHandler:
    @post(
        f"/desk/{command}",
        status_code=200,
        responses={
            200: ResponseSpec(DeskReceipt, description="The desk has obeyed.", generate_examples=False),
            202: ResponseSpec(DeskReceipt, description="Kept for the desk, away or busy.", generate_examples=False),
        }
        | INPUT
        | responses(_503="Redis is away or full."),
        tags=["desk"],
        operation_id=f"Desk{command.capitalize()}",
        summary=_SUMMARY[command],
    )
    async def control(data: JSONBody[DeskControlBody], controls: NamedDependency[Controls]) -> Response[Any]:
        """It stays so until it is told otherwise, whatever is restarted."""
        receipt = await controls.tell(DeskCommand(command=command, reason=data.reason))
        status = 200 if receipt.confirmed else 202
        return Response(receipt.model_dump_json().encode(), media_type="application/json", status_code=status)

    return control


ROUTES = [_told_to(command) for command in _SUMMARY]
