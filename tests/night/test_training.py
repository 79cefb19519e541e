"""What is trained is what is served, and what is compared with is what training began with."""

import json
from math import inf
from pathlib import Path

import pytest
import torch
from peft import get_peft_model
from tests.unit.trainer.rows import correction
from transformers import AutoModelForCausalLM
from trl.trainer.utils import add_fused_lm_head

from osiris_inference.model_store import embedded_weights
from osiris_inference.proposing import proposal_request
from osiris_trainer.night import adapter, base, export, parity, train
from osiris_trainer.night.dataset import Shares, build
from osiris_trainer.night.known_work import reuse
from osiris_trainer.night.likelihood import IGNORED, score_what_counts
from osiris_trainer.night.prompts import Rendering, shared_beginning
from osiris_trainer.night.recipe import Precision, Recipe

pytestmark = pytest.mark.timeout(400)

EXAMPLES = build([correction(number) for number in range(40)], [], Shares(20, 0.25, 99)).train


def recipe(precision: Precision = "f32", top_layers: int = 2) -> Recipe:
    """Two steps of two examples."""
    return Recipe(
        seed=0,
        precision=precision,
        top_layers=top_layers,
        rank=4,
        batch=2,
        sft_steps=2,
        sft_rate=2e-3,
        dpo_steps=2,
        dpo_rate=5e-4,
        beta=0.1,
    )


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many steps as the recipe says, however many examples there are."""
    monkeypatch.setattr(train, "steps_for", lambda _, steps, __: steps)


def losses(folder: Path) -> list[dict[str, float]]:
    return [
        {name: float(value) for name, value in each.items()} for each in json.loads((folder / train.LOSSES).read_text())
    ]


def test_prompts_are_the_tokens_the_engine_is_served(whole: Path, models_root: Path) -> None:
    from tokenizers import Tokenizer

    from osiris_inference.model_folder import ModelFolder

    folder = ModelFolder.read(next((models_root / "embedded").glob("[!.]*")))
    messages = proposal_request("", EXAMPLES[0].prompt, None).prompt
    served = Tokenizer.from_file(str(folder.tokenizer)).encode(
        folder.template.render(messages), add_special_tokens=False
    )
    assert Rendering.of(whole).prompt(EXAMPLES[0].prompt) == served.ids
    assert Rendering.of(whole).end in folder.manifest.end_tokens


def test_reused_work_changes_neither_result_nor_gradient(low: Path) -> None:
    rendering = Rendering.of(low)
    texts = [rendering.prompt(each.prompt) + rendering.answer(each.chosen) for each in EXAMPLES[:2]]
    begin = shared_beginning([rendering.prompt(each.prompt) for each in EXAMPLES[:2]])
    longest = max(map(len, texts))
    ids = torch.tensor([text + [0] * (longest - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (longest - len(text)) for text in texts])
    hidden, gradients = [], []
    for reusing in (False, True):
        model = AutoModelForCausalLM.from_pretrained(low, dtype=torch.float32)
        if reusing:
            reuse(model, texts[0][:begin], frozen=2)
        torch.manual_seed(0)
        learning = get_peft_model(model, train._lora(low, recipe()))
        generator = torch.Generator().manual_seed(1)
        for name, parameter in learning.named_parameters():
            if "lora_B" in name:
                parameter.data = 0.02 * torch.randn(parameter.shape, generator=generator)
        cut = 0 if reusing else begin
        given = (ids[:, begin:], mask[:, begin:]) if reusing else (ids, mask)
        found = model.model(input_ids=given[0], attention_mask=given[1]).last_hidden_state[:, cut:]
        (found * mask[:, begin:, None]).square().mean().backward()
        hidden.append(found.detach() * mask[:, begin:, None])
        gradients.append({name: each.grad for name, each in learning.named_parameters() if each.grad is not None})
    assert torch.allclose(hidden[0], hidden[1], atol=1e-3, rtol=1e-3)
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert torch.allclose(gradient, gradients[1][name], atol=1e-3 * float(gradient.norm())), name


def test_the_likelihoods_that_count_and_their_gradients_are_trls(low: Path) -> None:
    rendering = Rendering.of(low)
    texts = [(rendering.prompt(each.prompt)[-40:], rendering.answer(each.chosen)) for each in EXAMPLES[:2]]
    longest = max(len(prompt) + len(answer) for prompt, answer in texts)
    padding = [longest - len(prompt) - len(answer) for prompt, answer in texts]
    batch = {
        "input_ids": torch.tensor([p + a + [0] * more for (p, a), more in zip(texts, padding, strict=True)]),
        "attention_mask": torch.tensor([[1] * (longest - more) + [0] * more for more in padding]),
        "labels": torch.tensor(
            [[IGNORED] * len(p) + a + [IGNORED] * more for (p, a), more in zip(texts, padding, strict=True)]
        ),
    }
    found, gradients = [], []
    for ours in (False, True):
        model = AutoModelForCausalLM.from_pretrained(low, dtype=torch.float32)
        add_fused_lm_head(model, outputs=("log_probs", "is_top1"))
        if ours:
            score_what_counts(model)
        learning = model.model.layers[-1].mlp.down_proj.weight
        for parameter in model.parameters():
            parameter.requires_grad_(parameter is learning)
        scored = model(**batch, fused_lm_head=True)
        (scored.loss + scored.log_probs[0].sum() / 50).backward()
        found.append(scored)
        gradients.append(learning.grad)
    theirs, mine = found
    assert torch.allclose(mine.log_probs, theirs.log_probs, atol=1e-4)
    assert torch.allclose(mine.loss, theirs.loss, atol=1e-5)
    assert torch.equal(mine.is_top1, theirs.is_top1)
    assert torch.allclose(gradients[1], gradients[0], atol=1e-4 * float(gradients[0].norm()))


def test_the_reference_is_the_model_that_training_began_with(low: Path, tmp_path: Path) -> None:
    """When the policy has changed, the trainer's reference still gives the likelihoods of the untouched weights, which
    are computed here from whole sequences without trl."""
    pairs = [each for each in EXAMPLES if each.rejected][:4]
    trainer = train.preference_trainer(low, tmp_path, pairs, recipe(), lambda _: None)
    trainer.train()
    with torch.no_grad():  # as if after many more steps
        for name, parameter in trainer.model.named_parameters():
            if "lora_B" in name:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    batch = trainer.data_collator([trainer.train_dataset[at] for at in range(2)])
    with torch.no_grad():
        reference = torch.cat(trainer.compute_ref_log_probs(trainer.model, batch))
        answers = dict(batch) | {"labels": batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)}
        del answers["completion_mask"]
        policy = trainer.model(**answers, fused_lm_head=True).log_probs.sum(dim=1)
    untouched = AutoModelForCausalLM.from_pretrained(low, dtype=torch.float32)
    rendering = Rendering.of(low)
    written = [each.chosen for each in pairs[:2]] + [each.rejected for each in pairs[:2]]
    for row, (example, proposal) in enumerate(zip(pairs[:2] * 2, written, strict=True)):
        assert proposal is not None
        prompt, answer = rendering.prompt(example.prompt), rendering.answer(proposal)
        with torch.no_grad():
            logits = untouched(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        expected = logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None]).sum()
        assert reference[row] == pytest.approx(float(expected), rel=1e-3)
        assert policy[row] != pytest.approx(float(expected), rel=1e-3)


def test_two_steps_of_each_on_the_real_model_and_the_graph_says_the_same(
    whole: Path, tmp_path: Path, few_steps: None
) -> None:
    folders = {name: tmp_path / name for name in ("sft", "imitator", "dpo", "trained")}
    for folder in folders.values():
        folder.mkdir()
    told: list[str] = []
    train.sft(whole, folders["sft"], EXAMPLES, recipe(), told.append)
    train.merge(whole, folders["sft"] / train.ADAPTER, folders["imitator"])
    train.dpo(folders["imitator"], folders["dpo"], EXAMPLES, recipe(), told.append)
    train.merge(folders["imitator"], folders["dpo"] / train.ADAPTER, folders["trained"])
    assert losses(folders["dpo"])[0]["rewards/margins"] == pytest.approx(0, abs=1e-4)
    assert [text.partition(",")[0] for text in told] == [
        f"{stage}: step {n} of 2" for stage in ("sft", "dpo") for n in (1, 2)
    ]
    exported = tmp_path / "exported"
    export.to_onnx(folders["trained"], exported, "night-test", base.licence(embedded_weights()), {"base": "b"})
    parity.require(folders["trained"], exported, tmp_path / "parity.json")
    found = json.loads((tmp_path / "parity.json").read_text())
    assert found["agreement"] >= 0.95
    assert found["divergence"] < 0.02
    learnt = tmp_path / "adapters" / "night-test.onnx_adapter"
    room = adapter.write([folders[stage] / train.ADAPTER for stage in ("sft", "dpo")], learnt)
    adaptable = tmp_path / "adaptable"
    export.to_onnx(whole, adaptable, "adaptable", "unknown", {}, room=room)
    texts = parity.fixed_set(Rendering.of(whole))
    trained = parity.of_weights(folders["trained"], texts)
    with_it, without = (
        parity.compare(trained, parity.of_graph(adaptable, texts, path))["divergence"] for path in (learnt, None)
    )
    assert with_it < min(0.02, without)
    assert learnt.stat().st_size < 2_000_000  # of two layers


def test_another_models_graph_is_refused(low: Path, whole: Path, tmp_path: Path) -> None:
    exported = tmp_path / "exported"
    export.to_onnx(low, exported, "night-test", "unknown", {})
    with pytest.raises(ValueError, match="nats of the trained weights"):
        parity.require(whole, exported, tmp_path / "parity.json")


@pytest.mark.parametrize("precision", ["bf16", "nf4"])
def test_other_precisions_train_too(low: Path, tmp_path: Path, few_steps: None, precision: Precision) -> None:
    train.sft(low, tmp_path, EXAMPLES, recipe(precision), lambda _: None)
    found = losses(tmp_path)
    assert len(found) == 2
    # of a model without most of its layers: no more than finite is to be expected
    assert all(0 < each["loss"] < inf for each in found), found
    (tmp_path / "merged").mkdir()
    train.merge(low, tmp_path / train.ADAPTER, tmp_path / "merged")
    assert base.architecture(tmp_path / "merged").layers == base.architecture(low).layers
