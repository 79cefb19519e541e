"""Models as people publish them, against a reference in numpy: every style, prompts in pieces, unequal rows."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from tests.support.phi3_exports import Style, write, write_adapter
from tests.support.phi3_model import Phi3, Size

from osiris_inference.model_folder import ModelFolder
from osiris_inference.model_store import ModelStore
from osiris_inference.onnx_engine import OnnxEngine, OnnxEngineConfig
from osiris_inference.onnx_engine.decoder import Decoder, open_decoder
from osiris_inference.protocol import AdapterNotFound, GenerationRequest, Message

CONFIG = OnnxEngineConfig(slots=3, context=256)
STYLES: tuple[Style, ...] = get_args(Style)
# the fused operator turns whole heads, or as much as its table is wide
SIZES = {"whole": Size(), "partial": Size(rotary=16)}


def opened(folder: Path) -> Decoder:
    return open_decoder(ModelFolder.read(folder), CONFIG)


def tokens_of(count: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).integers(0, 256, count).tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("rotary", SIZES)
@pytest.mark.parametrize("style", STYLES)
def test_logits_are_those_of_the_reference(style: Style, rotary: str, tmp_path: Path) -> None:
    model = Phi3(SIZES[rotary])
    decoder = opened(write(tmp_path / "phi3", model, style))
    rows = [tokens_of(count, seed) for seed, count in enumerate((7, 90, 31))]
    for slot, row in enumerate(rows):
        decoder.prefill(slot, row[:5])
        logits = decoder.extend(slot, row[5:])
        np.testing.assert_allclose(logits, model.logits(row)[-1], rtol=2e-3, atol=2e-3)
    for step in range(4):
        drawn = tokens_of(3, 100 + step)
        rows = [[*row, token] for row, token in zip(rows, drawn, strict=True)]
        expected = np.stack([model.logits(row)[-1] for row in rows])
        np.testing.assert_allclose(decoder.step(drawn), expected, rtol=2e-3, atol=2e-3)
    decoder.move(2, 0)
    rows = [[*rows[2], 5], [*rows[1], 6]]
    expected = np.stack([model.logits(row)[-1] for row in rows])
    np.testing.assert_allclose(decoder.step([5, 6]), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("style", STYLES)
def test_an_adapter_gives_the_logits_of_the_model_it_is_merged_into(style: Style, tmp_path: Path) -> None:
    size = Size()
    merged = write_adapter(tmp_path / "adapters" / "loud.onnx_adapter", size, seed=1)
    folder = write(tmp_path / "phi3", Phi3(size), style)
    decoder = open_decoder(ModelFolder.read(folder), replace(CONFIG, adapters=tmp_path / "adapters"))
    row = tokens_of(20, 1)
    for adapter, model in (("loud", merged), (None, Phi3(size)), ("loud", merged)):
        decoder.use(adapter)
        np.testing.assert_allclose(decoder.prefill(0, row), model.logits(row)[-1], rtol=2e-3, atol=2e-3)
    with pytest.raises(AdapterNotFound, match="loud"):
        decoder.use("quiet")


async def test_each_request_gets_the_adapter_it_names_and_one_that_is_gone_is_refused(tmp_path: Path) -> None:
    for seed, name in enumerate(("loud", "quiet")):
        write_adapter(tmp_path / "adapters" / f"{name}.onnx_adapter", Size(), seed)
    engine = OnnxEngine(
        write(tmp_path / "phi3", Phi3(Size()), "genai"), replace(CONFIG, adapters=tmp_path / "adapters")
    )
    await engine.load()

    async def ask(adapter: str | None) -> bytes:
        request = GenerationRequest("1", "The price fell for three days. " * 8, max_tokens=12, adapter=adapter)
        request = replace(request, logprobs=0)  # a random model writes no text, but tokens
        return b"".join([token.text async for chunk in engine.generate(request) for token in chunk.tokens])

    names = (None, "loud", "quiet")
    alone = [await ask(name) for name in names]
    assert len(set(alone)) == 3
    assert await asyncio.gather(*(ask(name) for name in names * 3)) == alone * 3
    assert engine.adapters == ("loud", "quiet")
    (tmp_path / "adapters" / "loud.onnx_adapter").unlink()
    with pytest.raises(AdapterNotFound, match="quiet"):
        await ask("loud")
    await engine.close()


@pytest.mark.parametrize("style", STYLES)
async def test_the_engine_answers_with_it(style: Style, tmp_path: Path) -> None:
    engine = OnnxEngine(write(tmp_path / "phi3-mini-4k-instruct", Phi3(Size()), style), CONFIG)
    await engine.load()
    assert engine.version == "phi3-mini-4k-instruct"

    async def ask(number: int, **options: Any) -> str:
        request = GenerationRequest(f"{number}", (Message("user", f"Hi {number}."),), max_tokens=20, **options)
        return "".join([chunk.text async for chunk in engine.generate(request)])

    alone = [await ask(number) for number in range(5)]
    assert await asyncio.gather(*(ask(number) for number in range(5))) == alone
    assert json.loads(await ask(0, json_schema={"type": "integer", "minimum": 0, "maximum": 9})) in range(10)
    await engine.close()


def test_the_template_may_write_the_tokens_that_begin_and_end(tmp_path: Path) -> None:
    folder = ModelFolder.read(write(tmp_path / "phi3", Phi3(Size()), "genai"))
    assert folder.template.render([Message("user", "Hi.")]) == "<|user|>\nHi.<|end|>\n<|assistant|>\n"
    assert folder.manifest.end_tokens == (256,)


@pytest.mark.parametrize(
    ("style", "changes", "expected"),
    [
        ("genai", {"num_key_value_heads": 4}, "expected kv_heads 4 .* was 2"),
        ("genai", {"head_size": 64}, "expected 64 rotary values a head .* it has 32"),
        ("genai", {"num_hidden_layers": 3}, r"differs in past_key_values\.2\.key"),
        ("genai", {"num_hidden_layers": 1}, r"differs in past_key_values\.1\.key"),
        ("genai", {"filename": "../model.onnx"}, "expected a graph inside"),
        ("genai", {"filename": "other.onnx"}, "expected an ONNX graph at"),
        ("genai", {"inputs": 5}, "expected a readable genai_config"),
        ("optimum", {"vocab_size": 50}, "expected a vocabulary of 50 .* was 320"),
        ("optimum", {"hidden_size": "wide", "head_dim": None}, "expected a readable config"),
    ],
)
def test_a_graph_that_is_not_what_its_config_says_is_refused(
    style: Style, changes: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "phi3", Phi3(Size()), style, **changes)
    with pytest.raises(ValueError, match=expected):
        opened(folder)


def test_a_config_of_other_rotary_or_context_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "phi3", Phi3(Size(rotary=16)), "genai-fused")
    with pytest.raises(ValueError, match=r"expected positions for a context of 4096 .* it has 512"):
        open_decoder(ModelFolder.read(folder), OnnxEngineConfig(slots=1, context=4096))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "partial_rotary_factor": 1.0}))
    with pytest.raises(ValueError, match=r"expected 32 rotary values a head .* it has 16"):
        opened(folder)


def test_cuda_where_there_is_none_is_refused_with_what_to_do(model: Path) -> None:
    with pytest.raises(ValueError, match="install onnxruntime-gpu"):
        open_decoder(ModelFolder.read(model), OnnxEngineConfig(provider="cuda"))


def test_published_folders_are_versions_like_ours(tmp_path: Path) -> None:
    for number, style in enumerate(STYLES):
        write(tmp_path / "phi3" / f"v{number}", Phi3(Size()), style)
    store = ModelStore(tmp_path)
    assert [folder.name for folder in store.versions("phi3")] == ["v0", "v1", "v2"]
    store.set_current("phi3", store.find("phi3", "v1"))
    current = store.current("phi3")
    assert current is not None and current.name == "v1"
