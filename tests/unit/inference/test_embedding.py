"""The real embedding model."""

import numpy as np
import pytest

from osiris_inference.embedding import MiniLm
from osiris_inference.protocol import EngineClosed


async def test_texts_that_mean_the_same_are_nearer_than_others() -> None:
    engine = MiniLm()
    await engine.load()
    rises = await engine.embed("The share price went up strongly today.")
    climbs = await engine.embed("Today the stock climbed a lot.")
    cooks = await engine.embed("Boil the noodles for nine minutes.")
    assert np.linalg.norm(rises) == pytest.approx(1)
    assert float(rises @ climbs) > 0.6 > 0.2 > float(rises @ cooks)
    assert np.array_equal(rises, await engine.embed("The share price went up strongly today."))


async def test_without_a_model_there_is_no_vector() -> None:
    engine = MiniLm()
    with pytest.raises(EngineClosed, match="load"):
        await engine.embed("?")
