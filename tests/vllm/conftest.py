"""vLLM with a 4-bit GPTQ checkpoint of the small model, and LoRA adapters for it: `make test-vllm`.

Its CPU build has no GPTQ kernel for machines without AVX-512: there the weights are float16, and one test is skipped.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from tests.support import checkpoint as checkpoints

RANK = 8
FOUR_BITS = torch.cuda.is_available() or " avx512f " in Path("/proc/cpuinfo").read_text()


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the checkpoint."""
    name = "smollm2-gptq-4bit" if FOUR_BITS else "smollm2-float16"
    return checkpoints.write(tmp_path_factory.mktemp("models") / name, gptq=FOUR_BITS)


@pytest.fixture(scope="session")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two random adapters, `loud` and `quiet`, strong enough to change every answer."""
    folder = tmp_path_factory.mktemp("adapters")
    for seed, name in enumerate(("loud", "quiet")):
        _write_adapter(folder / name, np.random.default_rng(seed))
    return folder


def _write_adapter(folder: Path, random: np.random.Generator) -> None:
    """PEFT's format; SmolLM2-135M has 30 layers, 576 wide."""
    folder.mkdir()
    config = {"peft_type": "LORA", "r": RANK, "lora_alpha": RANK, "target_modules": ["o_proj"], "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    tensors = {}
    for layer in range(30):
        name = f"base_model.model.model.layers.{layer}.self_attn.o_proj"
        tensors[f"{name}.lora_A.weight"] = random.normal(0, 0.05, (RANK, 576)).astype(np.float32)
        tensors[f"{name}.lora_B.weight"] = random.normal(0, 0.5, (576, RANK)).astype(np.float32)
    save_file(tensors, folder / "adapter_model.safetensors")
