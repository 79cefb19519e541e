"""The likelihood of the tokens that count, and its gradient.

trl's head, without Triton, scores every token of a row, the prompt's included, and computes metrics nobody looks at: on
a CPU six tenths of a step. Here are the same likelihoods for what was chosen or rejected alone. The head does not
learn, so its gradient is known as soon as the likelihood is: d log p(y) / d hidden = W[y] - sum over v of p(v) W[v].
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

IGNORED = -100
"""The label of a token that does not count."""

_AT_ONCE = 256
"""Tokens whose distribution over the vocabulary is held at once."""


@dataclass
class Scored(ModelOutput):  # type: ignore[misc]
    """What trl asks of a head.

    Attributes:
        loss: mean of the negative log-likelihoods, or their sum in parts of `num_items_in_batch`.
        log_probs: of each next token, 0 where it does not count, shape (rows, tokens - 1).
        is_top1: whether it is the likeliest.
        label_mask: whether it counts.
        entropy, mean_logits: not computed, 0.
    """

    loss: Tensor | None = None
    log_probs: Tensor | None = None
    is_top1: Tensor | None = None
    label_mask: Tensor | None = None
    entropy: Tensor | None = None
    mean_logits: Tensor | None = None


def score_what_counts(model: PreTrainedModel) -> None:
    """From now on `model`, called as trl calls it, scores the tokens that count.

    Args:
        model: a causal language model whose head does not learn, after trl has put its own head on.
    """
    body: Any = model.base_model
    head: Any = model.get_output_embeddings()

    def forward(
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
        num_items_in_batch: Tensor | int | None = None,
        **_: Any,
    ) -> Scored:
        hidden = body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state[:, :-1]
        wanted = labels[:, 1:]
        counts = wanted != IGNORED
        values, top = _LogProbs.apply(hidden[counts], head.weight, wanted[counts])
        log_probs = values.new_zeros(counts.shape).masked_scatter(counts, values)
        unknown = torch.zeros_like(log_probs)
        return Scored(
            loss=-log_probs.sum() / (counts.sum() if num_items_in_batch is None else num_items_in_batch),
            log_probs=log_probs,
            is_top1=torch.zeros_like(counts).masked_scatter(counts, top),
            label_mask=counts,
            entropy=unknown,
            mean_logits=unknown,
        )

    model.forward = forward


class _LogProbs(torch.autograd.Function):  # type: ignore[misc]
    """Log-probabilities in float32, and whether each token is the likeliest."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
        rows, matrix = hidden.float(), weight.float()
        log_probs, top = rows.new_empty(len(rows)), torch.empty_like(wanted, dtype=torch.bool)
        slope = torch.empty_like(rows) if ctx.needs_input_grad[0] else None
        buffer = rows.new_empty(min(len(rows), _AT_ONCE), len(matrix))
        for begin in range(0, len(rows), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            some = wanted[part, None]
            scores = torch.mm(rows[part], matrix.T, out=buffer[: len(some)])
            most, best = scores.max(-1, keepdim=True)
            own = scores.gather(1, some) - most
            total = scores.sub_(most).exp_().sum(-1, keepdim=True)
            log_probs[part] = (own - total.log()).squeeze(1)
            top[part] = (best == some).squeeze(1)
            if slope is not None:
                slope[part] = matrix[some.squeeze(1)] - (scores @ matrix) / total
        ctx.mark_non_differentiable(top)
        ctx.slope, ctx.dtype = slope, hidden.dtype
        return log_probs, top

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None]:
        slope: Tensor = ctx.slope
        return (gradients[0][:, None] * slope).to(ctx.dtype), None, None
