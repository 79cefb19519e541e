"""What we are compared with: FastAPI in front, httpx to a FastAPI sidecar; LiteLLM asks the same sidecar.

`uvicorn tests.bench.gateway.sidecar:model`, and `SIDECAR_URL=… uvicorn tests.bench.gateway.sidecar:door`.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field


class Prompt(BaseModel):
    """The same body as the gateway takes."""

    prompt: str = Field(min_length=1)
    max_length: int = 256
    model_id: str = "hermes"


class Answer(BaseModel):
    """The same answer as the gateway gives."""

    generated_text: str


model = FastAPI()


@model.post("/generate/")
async def echo(body: Prompt) -> Answer:
    """The sidecar: answers at once."""
    return Answer(generated_text=body.prompt)


class Turn(BaseModel):
    """One turn of a conversation."""

    role: str
    content: str


class Chat(BaseModel):
    """What LiteLLM asks."""

    messages: list[Turn] = Field(min_length=1)


@model.post("/v1/chat/completions")
async def chat(body: Chat) -> dict[str, Any]:
    """The same as the OpenAI API has it."""
    return {
        "id": "chatcmpl-echo",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "hermes",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": body.messages[-1].content},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }


@asynccontextmanager
async def _with_client(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=os.environ["SIDECAR_URL"]) as client:
        app.state.client = client
        yield


door = FastAPI(lifespan=_with_client)


@door.post("/generate/")
async def forward(body: Prompt, request: Request) -> Answer:
    """The door: asks the sidecar."""
    response = await request.app.state.client.post("/generate/", json=body.model_dump())
    return Answer.model_validate(response.json())
