"""Whether the exported graph says what the trained weights say: the likelihoods of the next token, on a fixed set."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from osiris_inference.model_folder import ModelFolder
from osiris_inference.onnx_engine.config import OnnxEngineConfig
from osiris_inference.onnx_engine.decoder import open_decoder
from osiris_inference.proposing import EXAMPLES, SYSTEM_PROMPT
from osiris_inference.protocol import Message
from osiris_trainer.night.prompts import Rendering, Tokens

MOST_DIVERGENCE = 0.05
"""Mean Kullback-Leibler divergence of the next token, nats. Of the embedded model in 8 bits: 0.008."""
LEAST_AGREEMENT = 0.9
"""Share of places where both find the same token likeliest."""

Logits = NDArray[np.float32]


def fixed_set(rendering: Rendering) -> list[tuple[Tokens, Tokens]]:
    """Prompts and answers as tokens: each of the examples that phi3 is shown."""
    shown = [
        (rendering.template.render((Message("system", SYSTEM_PROMPT), Message("user", each.prompt))), each.answer)
        for each in EXAMPLES
    ]
    encode = rendering.tokenizer.encode
    return [
        (encode(prompt, add_special_tokens=False).ids, encode(answer, add_special_tokens=False).ids)
        for prompt, answer in shown
    ]


def compare(ours: list[Logits], theirs: list[Logits]) -> dict[str, float]:
    """Mean divergence of `theirs` from `ours`, and their agreement; each of shape (tokens, vocabulary)."""
    first, second = _log_softmax(np.concatenate(ours)), _log_softmax(np.concatenate(theirs))
    divergence = (np.exp(first) * (first - second)).sum(-1)
    agreement = first.argmax(-1) == second.argmax(-1)
    return {
        "divergence": float(divergence.mean()),
        "agreement": float(agreement.mean()),
        "tokens": float(len(agreement)),
    }


def of_graph(folder: Path, texts: list[tuple[Tokens, Tokens]], adapter: Path | None = None) -> list[Logits]:
    """What the graph in a model folder says before each token of the answers, with an adapter if there is one."""
    longest = max(len(prompt) + len(answer) for prompt, answer in texts)
    config = OnnxEngineConfig(slots=1, context=longest + 1, adapters=adapter.parent if adapter else None)
    decoder = open_decoder(ModelFolder.read(folder), config)
    decoder.use(adapter.stem if adapter else None)
    return [
        np.stack([decoder.prefill(0, prompt), *(decoder.extend(0, [token]) for token in answer[:-1])])
        for prompt, answer in texts
    ]


def of_weights(folder: Path, texts: list[tuple[Tokens, Tokens]]) -> list[Logits]:
    """The same of float weights, with torch."""
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, trust_remote_code=False, use_safetensors=True, local_files_only=True
    )
    with torch.inference_mode():
        return [
            model(torch.tensor([prompt + answer[:-1]])).logits[0, len(prompt) - 1 :].numpy() for prompt, answer in texts
        ]


def require(trained: Path, exported: Path, report: Path, adapter: Path | None = None) -> None:
    """Compare both, and write the numbers to `report`.

    Args:
        adapter: that the graph is to run with.

    Raises:
        ValueError: the graph says something else.
    """
    texts = fixed_set(Rendering.of(trained))
    found = compare(of_weights(trained, texts), of_graph(exported, texts, adapter))
    report.write_text(json.dumps(found) + "\n", encoding="utf-8")
    if not (found["divergence"] <= MOST_DIVERGENCE and found["agreement"] >= LEAST_AGREEMENT):
        raise ValueError(
            f"expected the exported graph within {MOST_DIVERGENCE} nats of the trained weights and "
            f"{LEAST_AGREEMENT:.0%} of the tokens alike, was {found['divergence']:.3f} and {found['agreement']:.0%}"
        )


def _log_softmax(logits: Logits) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    likelihoods: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return likelihoods
