"""The tokenizer a GGUF file carries in its metadata, as the `tokenizer.json` of the tokenizers library."""

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from osiris_inference.gguf_onnx.weights import Weights

# gguf: TokenType.CONTROL and USER_DEFINED, the tokens that text never splits
_CONTROL, _USER_DEFINED = 3, 4


def build(weights: Weights) -> Tokenizer:
    """Make the tokenizer.

    Raises:
        ValueError: the file's tokenizer is not a byte-level BPE that is known here.
    """
    kind, split = weights.metadata("tokenizer.ggml.model"), weights.metadata("tokenizer.ggml.pre")
    if (kind, split) != ("gpt2", "smollm"):
        raise ValueError(f"expected a gpt2 tokenizer with the smollm split, the file has {kind} with {split}")
    tokens: list[str] = weights.metadata("tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ", 1)) for merge in weights.metadata("tokenizer.ggml.merges")]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    types = weights.metadata("tokenizer.ggml.token_type")
    special = [token for token, kind in zip(tokens, types, strict=True) if kind in (_CONTROL, _USER_DEFINED)]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer
