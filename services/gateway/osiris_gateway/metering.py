"""What a key's answers take of its tokens."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from math import ceil

from redis.exceptions import RedisError

from osiris_contracts import ApiKey, GenerateRequest, GenerateResult, ModelId
from osiris_gateway.call import Call
from osiris_gateway.idempotency import Idempotency
from osiris_gateway.models import Batch, Models
from osiris_gateway.watch import Watch
from osiris_mesh import Bus, Refused
from osiris_mesh.http.credentials import Admission
from osiris_mesh.http.limiter import Limiter
from osiris_mesh.http.limits import Limit

_CHARACTERS_A_TOKEN = 4  # of English; what the model counted takes its place afterwards


def estimate(request: GenerateRequest) -> int:
    """Tokens that a request may take at most, as far as one can tell before: its prompt, and the longest answer."""
    texts = [request.prompt or "", request.system or "", *(message.content for message in request.messages)]
    texts += [text for example in request.examples for text in (example.prompt, example.answer)]
    return ceil(sum(map(len, texts)) / _CHARACTERS_A_TOKEN) + request.max_length


class MeteredModels(Models):
    """Models that charge a key with a limit of tokens: the estimate before the answer, what it took after it.

    A call is served as a whole or refused as a whole: the estimate of its first answer must be there, those of others
    (`n`, a critique) are owed, and paid before the next call. A client that hangs up is charged the estimate, since
    nobody counts what it did not read; what was refused, or failed on our side, costs nothing, and so does an answer
    that is given again for the same Idempotency-Key.
    """

    def __init__(self, bus: Bus, watch: Watch, idempotency: Idempotency, limiter: Limiter) -> None:
        super().__init__(bus, watch, idempotency)
        self._limiter = limiter

    async def ask(self, model_id: ModelId, request: GenerateRequest, call: Call, part: str = "") -> GenerateResult:
        """As `Models.ask`. Raises RateLimited too."""
        if self._meter(call) is None:
            return await super().ask(model_id, request, call, part)
        async with aclosing(self.stream(model_id, request, call, part)) as batches:
            async for batch in batches:
                if isinstance(batch[-1], GenerateResult):
                    return batch[-1]
        raise AssertionError("a stream of replies ends with a result or raises")

    def stream(self, model_id: ModelId, request: GenerateRequest, call: Call, part: str = "") -> AsyncGenerator[Batch]:
        """As `Models.stream`. Raises RateLimited too."""
        batches = super().stream(model_id, request, call, part)
        meter = self._meter(call)
        if meter is None:
            return batches
        return self._metered(batches, meter, estimate(request), call.request_id(part or model_id))

    def _meter(self, call: Call) -> "_Meter | None":
        if call.admission is None or call.admission.key is None:
            return None
        limit = self._limiter.tokens_of(call.admission.key)
        return None if limit is None else _Meter(self._limiter, call.admission, call.admission.key, limit)

    async def _metered(
        self, batches: AsyncGenerator[Batch], meter: "_Meter", wanted: int, request_id: str | None
    ) -> AsyncGenerator[Batch]:
        if request_id is not None and await self._bus.was_asked(request_id):
            wanted = 0
        taken = spent = await meter.take(wanted) if wanted else 0
        try:
            async with aclosing(batches):
                async for batch in batches:
                    if wanted and isinstance(batch[-1], GenerateResult):
                        spent = batch[-1].usage.prompt_tokens + batch[-1].usage.completion_tokens
                    yield batch
        except (Refused, RedisError) as error:
            if not isinstance(error, Refused) or error.code != "deadline_exceeded":  # all that time a model may work
                spent = 0
            raise
        finally:
            meter.settle(spent - taken)


@dataclass(frozen=True, slots=True)
class _Meter:
    """Counts for one request."""

    limiter: Limiter
    admission: Admission
    key: ApiKey
    limit: Limit

    async def take(self, wanted: int) -> int:
        """What is taken of `wanted` tokens, or owed where an answer of this request was paid for."""
        taken = self.limit.takeable(wanted)
        async with self.admission.turn:
            if self.admission.is_charged:
                self.limiter.charge(self.key, self.limit, taken)
            else:
                self.admission.readings["tokens"] = await self.limiter.take(self.key, self.limit, taken)
                self.admission.is_charged = True
        return taken

    def settle(self, more: int) -> None:
        """Take what was spent beyond that; give back what was not."""
        self.limiter.charge(self.key, self.limit, more)
