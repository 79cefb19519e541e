"""Whether a model that was just loaded can do what phi3 is there for."""

from contextlib import aclosing
from pathlib import Path

from pydantic import ValidationError

from osiris_contracts import Proposal
from osiris_inference.manifest import require_whole
from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.proposing.prompt import EXAMPLES
from osiris_inference.proposing.request import proposal_request

_CONTEXT = 2048


async def smoke_test(folder: Path) -> Proposal:
    """Load the model and let it propose once.

    Raises:
        ValueError: it is not whole, cannot be loaded, or writes no proposal.
    """
    require_whole(folder)
    engine = OnnxEngine(folder, OnnxEngineConfig(slots=1, context=_CONTEXT, prefix_cache=0))
    try:
        await engine.load()
        async with aclosing(engine.generate(proposal_request("smoke", EXAMPLES[0].prompt, ticker=None))) as chunks:
            text = "".join([chunk.text async for chunk in chunks])
        return Proposal.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(f"expected a proposal from the model in {folder}, it wrote none") from error
    finally:
        await engine.close()
