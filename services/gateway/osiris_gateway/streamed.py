"""What the OpenAPI document says of an operation that answers with Server-Sent Events when it is asked to."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema

from osiris_gateway import sse

_TEXT = Schema(type=OpenAPIType.STRING)
_EVENT = Schema(
    type=OpenAPIType.OBJECT,
    properties={"event": _TEXT, "data": _TEXT, "id": _TEXT},
    required=["data"],
    description="With `stream`: one of the Server-Sent Events; its data is a line of JSON.",
)


@dataclass
class Streamed(Operation):
    """An operation whose body may say `stream`."""

    def __post_init__(self) -> None:
        """Add the other kind of answer."""
        answer = (self.responses or {}).get("200")
        if isinstance(answer, OpenAPIResponse) and answer.content is not None:
            answer.content[sse.MEDIA_TYPE] = OpenAPIMediaType(schema=_EVENT)
