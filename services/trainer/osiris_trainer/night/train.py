"""The two stages of training, with trl and peft: imitate the corrections, then prefer them to what they corrected.

DPO: Rafailov et al. 2023, "Direct Preference Optimization", equation 7, with the likelihood of the chosen answers added
(RPO: Pang et al. 2024, "Iterative Reasoning Preference Optimization", equation 1), without which they may become less
likely. Its reference is the model that the stage begins with, its adapter switched off.
"""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
import trl
from datasets import Dataset
from peft import LoraConfig, PeftModel, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel, PreTrainedTokenizerFast

from osiris_inference import memory
from osiris_trainer.night import checkpoints
from osiris_trainer.night.drawing import draw, steps_for
from osiris_trainer.night.examples import Example
from osiris_trainer.night.known_work import reuse
from osiris_trainer.night.likelihood import IGNORED, score_what_counts
from osiris_trainer.night.prompts import Rendering, Tokens, shared_beginning
from osiris_trainer.night.recipe import Recipe

ADAPTER, LOSSES = "adapter", "losses.json"

Progress = Callable[[str], None]
_EVERY = 5  # steps between two checkpoints
_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "nf4": torch.bfloat16}


def sft(model: Path, folder: Path, examples: Sequence[Example], recipe: Recipe, progress: Progress) -> None:
    """Imitate what was chosen. Writes the adapter and the losses into `folder`; goes on from a checkpoint in it.

    Args:
        model: a folder of `transformers`' kind.
    """
    steps = steps_for(len(examples), recipe.sft_steps, recipe.batch)
    rendering = Rendering.of(model)
    drawn = draw(examples, steps * recipe.batch, recipe.seed)
    prompts = [rendering.prompt(each.prompt) for each in drawn]
    shared = shared_beginning(prompts)
    rows = [
        _imitated(prompt[shared:], rendering.answer(each.chosen)) for prompt, each in zip(prompts, drawn, strict=True)
    ]
    common = _arguments(folder, recipe, steps, recipe.sft_rate)
    trainer = trl.SFTTrainer(
        model=_loaded(model, recipe, prompts[0][:shared]),
        args=trl.SFTConfig(**common, max_length=None),
        train_dataset=Dataset.from_list(rows),
        processing_class=_tokenizer(rendering),
        peft_config=_lora(model, recipe),
        callbacks=[_Told("sft", steps, progress)],
    )
    _spare(trainer)
    _run(trainer, folder)


def dpo(model: Path, folder: Path, examples: Sequence[Example], recipe: Recipe, progress: Progress) -> None:
    """Prefer what was chosen to what was rejected, as `sft` otherwise; examples without a rejected teach nothing."""
    pairs = [each for each in examples if each.rejected is not None]
    steps = steps_for(len(pairs), recipe.dpo_steps, recipe.batch)
    drawn = draw(pairs, steps * recipe.batch, recipe.seed + 1)
    _run(preference_trainer(model, folder, drawn, recipe, progress), folder)


class _PreferenceTrainer(trl.DPOTrainer):  # type: ignore[misc]
    """Takes tokens as they are: templates of trl's own would give others than phi3 is served."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset


def preference_trainer(
    model: Path,
    folder: Path,
    pairs: Sequence[Example],
    recipe: Recipe,
    progress: Progress,
) -> trl.DPOTrainer:
    """The trainer of `dpo`, not yet run; it takes each of `pairs` once, in an order of its own."""
    rendering = Rendering.of(model)
    steps = len(pairs) // recipe.batch
    prompts = [rendering.prompt(each.prompt) for each in pairs]
    shared = shared_beginning(prompts)
    rows = [
        {
            "prompt_ids": prompt[shared:],
            "chosen_ids": rendering.answer(each.chosen),
            "rejected_ids": rendering.answer(each.rejected or each.chosen),
        }
        for prompt, each in zip(prompts, pairs, strict=True)
    ]
    arguments = trl.DPOConfig(
        **_arguments(folder, recipe, steps, recipe.dpo_rate),
        max_length=None,
        beta=recipe.beta,
        loss_type=["sigmoid", "sft"],
        loss_weights=[1.0, 1.0],
    )
    trainer = _PreferenceTrainer(
        model=_loaded(model, recipe, prompts[0][:shared]),
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=_tokenizer(rendering),
        peft_config=_lora(model, recipe),
        callbacks=[_Told("dpo", steps, progress)],
    )
    _spare(trainer)
    return trainer


def merge(model: Path, adapter: Path, folder: Path) -> None:
    """Write `model` with `adapter` in its weights, in float32, into `folder`."""
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, **_SAFELY)
    PeftModel.from_pretrained(base, str(adapter)).merge_and_unload(safe_merge=True).save_pretrained(folder)
    for path in (*model.glob("tokenizer*"), *model.glob("*.jinja")):
        shutil.copyfile(path, folder / path.name)


_SAFELY: dict[str, Any] = {"trust_remote_code": False, "use_safetensors": True, "local_files_only": True}


def _loaded(model: Path, recipe: Recipe, prefix: Tokens) -> PreTrainedModel:
    options: dict[str, Any] = {"dtype": _DTYPES[recipe.precision], **_SAFELY}
    if recipe.precision == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=torch.bfloat16,
            bnb_4bit_use_double_quant=True,
        )
        options["device_map"] = {"": "cuda:0" if torch.cuda.is_available() else "cpu"}
    loaded = AutoModelForCausalLM.from_pretrained(model, **options)
    if recipe.precision == "nf4":
        loaded = prepare_model_for_kbit_training(loaded, use_gradient_checkpointing=False)
    elif torch.cuda.is_available():
        loaded = loaded.to("cuda")
    reuse(loaded, prefix, _frozen(model, recipe))
    return loaded


def _spare(trainer: Any) -> None:
    """On a GPU trl's own head computes only what counts, too."""
    if not torch.cuda.is_available():
        score_what_counts(trainer.model.get_base_model())


def _lora(model: Path, recipe: Recipe) -> LoraConfig:
    frozen = _frozen(model, recipe)
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=2 * recipe.rank,
        lora_dropout=0.0,
        target_modules=list(_LINEAR) if frozen else "all-linear",
        layers_to_transform=list(range(frozen, frozen + recipe.top_layers)) if frozen else None,
        task_type="CAUSAL_LM",
    )


def _frozen(model: Path, recipe: Recipe) -> int:
    """Layers from the bottom that do not learn."""
    layers: int = transformers.AutoConfig.from_pretrained(model, trust_remote_code=False).num_hidden_layers
    return max(0, layers - recipe.top_layers) if recipe.top_layers else 0


_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "qkv_proj", "gate_up_proj")


def _imitated(prompt: Tokens, answer: Tokens) -> dict[str, Tokens]:
    return {"input_ids": prompt + answer, "labels": [IGNORED] * len(prompt) + answer}


def _tokenizer(rendering: Rendering) -> PreTrainedTokenizerFast:
    end = rendering.tokenizer.id_to_token(rendering.end)
    return PreTrainedTokenizerFast(tokenizer_object=rendering.tokenizer, eos_token=end, pad_token=end)


def _arguments(folder: Path, recipe: Recipe, steps: int, rate: float) -> dict[str, Any]:
    return {
        "output_dir": str(folder / checkpoints.FOLDER),
        "max_steps": steps,
        "per_device_train_batch_size": recipe.batch,
        "learning_rate": rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 3,
        "logging_steps": 1,
        "save_steps": _EVERY,
        "save_total_limit": 2,
        "seed": recipe.seed,
        "bf16": recipe.precision != "f32",
        "use_cpu": not torch.cuda.is_available(),
        "gradient_checkpointing": False,
        "dataloader_pin_memory": False,
        "report_to": "none",
        "disable_tqdm": not sys.stderr.isatty(),
    }


def _run(trainer: transformers.Trainer, folder: Path) -> None:
    trainer.remove_callback(transformers.PrinterCallback)  # `_Told` tells
    last = checkpoints.last_whole(folder)
    with memory.kept():
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    trainer.model.save_pretrained(folder / ADAPTER)
    history = [each for each in trainer.state.log_history if "loss" in each]
    (folder / LOSSES).write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder / checkpoints.FOLDER, ignore_errors=True)


class _Told(transformers.TrainerCallback):  # type: ignore[misc]
    """Tells of each step."""

    def __init__(self, stage: str, steps: int, progress: Progress) -> None:
        self._stage = stage
        self._steps = steps
        self._progress = progress

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._progress(f"{self._stage}: step {state.global_step} of {self._steps}, loss {float(logs['loss']):.3f}")
