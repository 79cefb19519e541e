"""Versions of the embedded model: the same under another name, one made worse, one cut short."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from osiris_inference.manifest import GRAPH, MANIFEST


def version(source: Path, folder: Path) -> Path:
    """A copy of a model folder whose version is the new folder's name; returns it."""
    shutil.copytree(source, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "version": folder.name}))
    return folder


def worse(source: Path, folder: Path, noise: float = 0.5, seed: int = 1) -> Path:
    """As `version`, with every block's scale multiplied by a random number around 1, `noise` its deviation."""
    version(source, folder)
    model = onnx.load(str(folder / GRAPH))
    random = np.random.default_rng(seed)
    for constant in model.graph.initializer:
        if constant.name.endswith(".scale"):
            scale = numpy_helper.to_array(constant)
            disturbed = scale * random.normal(1, noise, scale.shape).astype(scale.dtype)
            constant.CopyFrom(numpy_helper.from_array(disturbed.astype(scale.dtype), constant.name))
    (folder / f"{GRAPH}.data").unlink()
    onnx.save_model(
        model,
        str(folder / GRAPH),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=f"{GRAPH}.data",
        size_threshold=1024,
    )
    return folder


def cut_short(folder: Path) -> Path:
    """A version whose weights end in the middle."""
    data = folder / f"{GRAPH}.data"
    with data.open("r+b") as file:
        file.truncate(data.stat().st_size // 2)
    return folder
