"""What can go wrong with a request over the mesh."""

from pydantic import ValidationError

from osiris_contracts import ErrorCode, ErrorReply

REASON_LENGTH = 1_000
"""Characters of a reason that go to the log, a dead letter or a sender."""


def explain(error: ValueError) -> str:
    """What is wrong, field by field, without what was sent: that may be somebody's prompt, and this goes to the log."""
    if not isinstance(error, ValidationError):
        return str(error)[:REASON_LENGTH]
    problems = (f"{'.'.join(map(str, item['loc'])) or 'message'}: {item['msg']}" for item in error.errors())
    return f"not a valid {error.title}: {'; '.join(problems)}"[:REASON_LENGTH]


class Refused(Exception):
    """A request that will not be served however often it is tried; its sender gets the reason as an ErrorReply."""

    def __init__(self, code: ErrorCode, message: str, details: dict[str, object] | None = None) -> None:
        """`message` says what was expected, what came and what to do."""
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.details = details

    def reply(self) -> ErrorReply:
        """The refusal as the message its sender gets."""
        return ErrorReply.model_validate({"code": self.code, "message": self.message, "details": self.details})

    @classmethod
    def of(cls, reply: ErrorReply) -> "Refused":
        """The refusal that `reply` tells of, on the sender's side."""
        details = reply.details if isinstance(reply.details, dict) else None
        return cls(reply.code, reply.message, dict(details) if details else None)


class LeaseLost(Exception):
    """Another instance has taken over; this one must stop before it does anything else."""


class RedisLost(Exception):
    """Redis was away, or refused a stream, for longer than the service waits: it must end, to be started anew."""


class Misconfigured(Exception):
    """What the service was told cannot be done; whoever runs it must tell it otherwise."""


class RestartWanted(Exception):
    """Somebody told the service to end and be started anew."""
