"""Chatterbox's own code with random weights, small where it is large: `make test-chatterbox`. Nothing is fetched."""

from pathlib import Path
from typing import Any

import pytest

TOKENS = 20
"""Of speech in a sentence, 25 a second: random weights find no end by themselves."""


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as Chatterbox's English model is published, without a voice of its own."""
    import torch
    from chatterbox.models.s3gen import S3Gen
    from chatterbox.models.t3 import T3
    from chatterbox.models.t3.llama_configs import LLAMA_CONFIGS
    from chatterbox.models.voice_encoder import VoiceEncoder
    from safetensors.torch import save_file

    LLAMA_CONFIGS["Llama_520M"].update(num_hidden_layers=2, intermediate_size=256)
    _end_early(T3)
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("chatterbox")
    for name, module in (("ve", VoiceEncoder()), ("t3_cfg", T3()), ("s3gen", S3Gen())):
        weights = {key: value.clone().contiguous() for key, value in module.state_dict().items()}
        save_file(weights, folder / f"{name}.safetensors")
    _write_tokenizer(folder / "tokenizer.json")
    return folder


def _end_early(t3: Any) -> None:
    whole = t3.inference

    def inference(self: Any, **options: Any) -> Any:
        return whole(self, **options | {"max_new_tokens": TOKENS})

    t3.inference = inference


def _write_tokenizer(path: Path) -> None:
    """A letter a token; 0 ends a text and 255 begins it, as Chatterbox has it."""
    from tokenizers import Tokenizer, models

    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,'-"
    tokens = ["[STOP]", "[UNK]", "[SPACE]", *letters]
    tokens += [f"[{number}]" for number in range(len(tokens), 255)]
    vocabulary = {token: number for number, token in enumerate([*tokens, "[START]"])}
    Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]")).save(str(path))
