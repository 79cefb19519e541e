"""Fetches a published model into the model store. Nothing else in Osiris fetches weights."""

import shutil
from pathlib import Path

from osiris_cli.errors import CliError
from osiris_inference.manifest import is_model

DATA = ("*.json", "*.jinja", "*.model", "*.onnx", "*.onnx.data", "*.onnx_data", "*.safetensors", "*.txt")
"""What is data; weights that are pickles and code stay where they are."""


def pull(
    root: Path,
    role: str,
    repository: str,
    *,
    revision: str | None = None,
    folder: str | None = None,
    hub: str | None = None,
) -> Path:
    """Fetch a repository of the Hugging Face hub as a version of a role's model; returns its folder.

    The version is named by what was fetched, so the same again costs nothing, and one that was cut short goes on.

    Args:
        root: the model store.
        repository: OWNER/NAME.
        revision: a commit, a branch or a tag; else the newest.
        folder: the one folder of it to fetch, where it holds several exports.
        hub: URL of another hub that speaks the same language; else HF_ENDPOINT, which the library reads.

    Raises:
        CliError: it cannot be fetched, or is no model.
    """
    from huggingface_hub import HfApi, snapshot_download

    try:
        commit = HfApi(endpoint=hub).model_info(repository, revision=revision).sha
        name = "-".join((repository.rpartition("/")[2], *filter(None, [folder and Path(folder).name]), str(commit)[:8]))
        target, partial = root / role / name, root / role / f".{name}"
        if target.exists():
            return target
        patterns = [f"{folder}/{each}" for each in DATA] if folder else list(DATA)
        snapshot_download(repository, revision=commit, local_dir=partial, allow_patterns=patterns, endpoint=hub)
    except (OSError, ValueError) as error:  # the hub's own errors are both
        first = str(error).strip().splitlines()[0]
        raise CliError(f"expected to fetch {repository}, could not: {first}", 1) from None
    found = partial / (folder or "")
    if not is_model(found):
        shutil.rmtree(partial)
        raise CliError(
            f"expected manifest.json, genai_config.json or config.json in {repository}"
            f"{f', folder {folder}' if folder else ''}; there is none",
            1,
        )
    shutil.rmtree(partial / ".cache", ignore_errors=True)  # notes of the download
    found.rename(target)
    shutil.rmtree(partial, ignore_errors=True)
    return target
