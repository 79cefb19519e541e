"""From what the owner and the market said to the examples of a night. No clock, no I/O, no model.

A correction is an example: what was corrected is its rejected proposal. A proposal rated well and not corrected is one
too, without a rejected one. How often an example is drawn follows from what else was said of its proposal: from 0.5
where the owner (rating, -1 to 1) and the market (return, percent of NAV, cut to -1 to 1) liked what was corrected to
1.5 where neither did.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from osiris_contracts import Proposal
from osiris_trainer.night.examples import Dataset, DatasetManifest, Example, lines
from osiris_trainer.night.servable import servable

Row = Mapping[str, Any]

PRAISE = 0.5
"""A proposal rated so well or better is one to imitate."""

_REGRESSION_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Shares:
    """How a night's corrections are split.

    Attributes:
        min_pairs: fewer pairs than these, and nothing is learnt.
        held_out: share of the corrections, the newest, that judge the night.
        most: examples at most, the newest.
        longest: characters of a situation; a longer one is left out, as memory has its bounds.
    """

    min_pairs: int
    held_out: float
    most: int
    longest: int = 2_000


class TooFew(Exception):
    """There is too little to learn from, and why."""


def build(feedback: Iterable[Row], outcomes: Iterable[Row], shares: Shares) -> Dataset:
    """The dataset of a night.

    Args:
        feedback, outcomes: rows of the tables of these names.

    Raises:
        TooFew: fewer pairs than `shares.min_pairs`.
    """
    left_out: Counter[str] = Counter()
    feedback = [row for row in feedback if not _too_long(row, shares.longest, left_out)]
    said = _newest_ratings(feedback)
    market = {str(row["id"]): float(row["return_pct"]) for row in outcomes}
    corrections = [each for row in feedback if (each := _correction(row, said, market, left_out))]
    corrections = _settled(corrections, left_out)
    known = {each.transaction_id for each in corrections} | {
        UUID(str(row["transaction_id"])) for row in feedback if row["feedback_type"] == "correction"
    }
    praised = [each for row in feedback if (each := _praised(row, said, known, left_out))]
    situations = {_situation(each) for each in corrections}
    praised = [each for each in _settled(praised, left_out) if _situation(each) not in situations]
    return _split(corrections, praised, shares, left_out)


def _split(corrections: list[Example], praised: list[Example], shares: Shares, left_out: Counter[str]) -> Dataset:
    if len(corrections) > shares.most:
        left_out["older than the newest that are used"] += len(corrections) - shares.most
        corrections = corrections[-shares.most :]
    pairs = sum(each.rejected is not None for each in corrections)
    if pairs < shares.min_pairs:
        raise TooFew(f"expected {shares.min_pairs} corrections of known proposals, there are {pairs}")
    regression = [each for each in corrections if in_regression(each)]
    rest = [each for each in corrections if not in_regression(each)]
    count = max(1, round(shares.held_out * len(rest)))
    older, held_out = rest[:-count], rest[-count:]
    train = sorted([*older, *praised[-shares.most :]], key=_age)
    if not any(each.rejected is not None for each in train):
        raise TooFew("expected a correction older than those that judge, there is none")
    return Dataset(
        train=tuple(train),
        held_out=tuple(held_out),
        regression=tuple(regression),
        manifest=DatasetManifest(
            content=_hash(train, held_out, regression),
            train=len(train),
            pairs=sum(each.rejected is not None for each in train),
            held_out=len(held_out),
            regression=len(regression),
            left_out={reason: count for reason, count in sorted(left_out.items()) if count},
        ),
    )


def in_regression(example: Example) -> bool:
    """Whether an example's situation is one of the tenth that is never trained on; it follows from its words alone, so
    that it stays so, night after night."""
    return hashlib.sha256(_situation(example).encode()).digest()[0] < 256 * _REGRESSION_SHARE


def _correction(
    row: Row, said: Mapping[str, float], market: Mapping[str, float], left_out: Counter[str]
) -> Example | None:
    if row["feedback_type"] != "correction":
        return None
    transaction = str(row["transaction_id"])
    original = _proposal(row.get("original_proposal"))
    liked = said.get(transaction, 0.0) + max(-1.0, min(1.0, market.get(transaction, 0.0)))
    chosen = _proposal(row["corrected_proposal"])
    return _example(row, chosen, original if original != chosen else None, 1 - liked / 4, left_out)


def _praised(row: Row, said: Mapping[str, float], corrected: set[UUID], left_out: Counter[str]) -> Example | None:
    transaction = str(row["transaction_id"])
    if row["feedback_type"] != "rating" or UUID(transaction) in corrected or row.get("rating") != said[transaction]:
        return None
    if said[transaction] < PRAISE:
        return None
    return _example(row, _proposal(row.get("original_proposal")), None, said[transaction] / 2, left_out)


def _example(
    row: Row, chosen: Proposal | None, rejected: Proposal | None, weight: float, left_out: Counter[str]
) -> Example | None:
    prompt = (row.get("prompt") or "").strip()
    if not prompt or chosen is None:
        left_out["its prompt or proposal is not known any more"] += 1
        return None
    written = servable(chosen)
    if written is None:
        left_out["phi3 cannot write it: a stop or target of 0"] += 1
        return None
    refused = servable(rejected) if rejected else None
    return Example(
        feedback_id=UUID(str(row["id"])),
        transaction_id=UUID(str(row["transaction_id"])),
        ticker=written.ticker,
        at=row["received_at"],
        prompt=row["prompt"],
        chosen=written,
        rejected=refused if refused != written else None,
        weight=weight,
    )


def _settled(examples: list[Example], left_out: Counter[str]) -> list[Example]:
    """The newest of each proposal and of each situation, oldest first: it settles what older ones said otherwise."""
    kept: list[Example] = []
    seen: set[object] = set()
    for each in sorted(examples, key=_age, reverse=True):
        keys = {each.transaction_id, _situation(each)}
        if keys & seen:
            left_out["a newer one settles it"] += 1
        else:
            kept.append(each)
        seen |= keys
    return kept[::-1]


def _too_long(row: Row, longest: int, left_out: Counter[str]) -> bool:
    too_long = len(row.get("prompt") or "") > longest
    left_out["its prompt is too long"] += too_long
    return too_long


def _newest_ratings(feedback: Sequence[Row]) -> dict[str, float]:
    rated = [row for row in feedback if row["feedback_type"] == "rating" and row.get("rating") is not None]
    rated.sort(key=lambda row: (row["received_at"], str(row["id"])))
    return {str(row["transaction_id"]): float(row["rating"]) for row in rated}


def _proposal(text: str | None) -> Proposal | None:
    try:
        return Proposal.model_validate_json(text) if text else None
    except ValidationError:
        return None  # of an earlier contract


def _situation(example: Example) -> str:
    return " ".join(example.prompt.split())


def _age(example: Example) -> tuple[Any, UUID]:
    return example.at, example.feedback_id


def _hash(*sets: Sequence[Example]) -> str:
    digest = hashlib.sha256()
    for examples in sets:
        digest.update(hashlib.sha256(lines(examples).encode()).digest())
    return digest.hexdigest()
