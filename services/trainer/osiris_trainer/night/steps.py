"""The steps of a night as they are really done."""

import asyncio
import json
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from osiris_contracts import ModelId
from osiris_inference.manifest import Manifest
from osiris_inference.model_store import ModelStore, embedded_weights
from osiris_inference.onnx_engine.adapters import SUFFIX
from osiris_store import read
from osiris_trainer.night import adapter, base, export, parity
from osiris_trainer.night.dataset import Shares, build
from osiris_trainer.night.examples import Dataset
from osiris_trainer.night.judging import Verdict, judge
from osiris_trainer.night.night import Judged, Progress
from osiris_trainer.night.publish import install, publish
from osiris_trainer.night.recipe import Recipe
from osiris_trainer.night.report import Facts, write
from osiris_trainer.night.settings import NightSettings
from osiris_trainer.night.work import Work

ROLE: ModelId = "phi3"
STAGES, LOSSES = ("sft", "dpo"), "losses.json"
VERDICT = "verdict.json"
ADAPTABLE = "adaptable-"
"""How versions begin that are the base model with room for an adapter."""


class RealSteps:
    """With the desk's tables, the base model, torch, and the engine that serves.

    Args:
        progress: told of each step, in words.
    """

    def __init__(self, settings: NightSettings, progress: Progress) -> None:
        self._settings = settings
        self._progress = progress
        self._source = source_of(settings)

    def dataset(self) -> Dataset:
        """See `Steps`."""
        tables, settings = self._settings.tables, self._settings
        shares = Shares(settings.min_pairs, settings.held_out_share, settings.most_examples)
        feedback, outcomes = (asyncio.run(read(tables, name)) for name in ("feedback", "outcomes"))
        return build(feedback, outcomes, shares)

    def train(self, work: Work, dataset: Dataset, recipe: Recipe) -> Path:
        """See `Steps`; its own steps go on by themselves."""
        from osiris_trainer.night import train  # torch: ten seconds that a night that is skipped does not need

        begun = work.step("base", lambda draft: base.unpack(self._source, draft))
        imitating = work.step("sft", lambda draft: train.sft(begun, draft, dataset.train, recipe, self._progress))
        imitator = work.step("imitator", lambda draft: train.merge(begun, imitating / train.ADAPTER, draft))
        preferring = work.step("dpo", lambda draft: train.dpo(imitator, draft, dataset.train, recipe, self._progress))
        return work.step("trained", lambda draft: train.merge(imitator, preferring / train.ADAPTER, draft))

    def export(self, trained: Path, folder: Path, version: str, lineage: dict[str, str]) -> None:
        """See `Steps`."""
        for left in (folder, *folder.parent.glob(f"{ADAPTABLE}*")):  # of an attempt that was killed
            shutil.rmtree(left, ignore_errors=True)
        export.to_onnx(trained, folder, version, base.licence(self._source), lineage)
        self._progress("comparing the graph with the trained weights")
        parity.require(trained, folder, folder.parent / "parity.json")
        if self._settings.adapter:
            self._adapter(trained, folder, lineage["base"])

    def _adapter(self, trained: Path, exported: Path, begun: str) -> None:
        """The same as an adapter, and the base model with room for it; compared with the trained weights as well."""
        from osiris_trainer.night.train import ADAPTER

        work, draft = trained.parent, exported.parent
        path = draft / f"{exported.name}{SUFFIX}"
        room = adapter.write([work / stage / ADAPTER for stage in STAGES], path)
        name = f"{ADAPTABLE}{begun[:12]}-l{room.first_layer}-r{room.rank}"
        export.to_onnx(work / "base", draft / name, name, base.licence(self._source), {"base": begun}, room=room)
        self._progress("comparing the adapter with the trained weights")
        parity.require(trained, draft / name, draft / "adapter_parity.json", path)

    def judge(self, candidate: Path, dataset: Dataset, work: Work, folder: Path) -> None:
        """See `Steps`."""
        current = ModelStore(self._settings.models_root).resolve(ROLE, self._progress)
        judgement = judge(current, candidate, dataset, progress=self._progress)
        facts = Facts(
            night=work.folder.name,
            lineage=Manifest.read(candidate).lineage,
            dataset=dataset.manifest,
            losses={stage: json.loads((work.folder / stage / LOSSES).read_text("utf-8")) for stage in STAGES},
            verdict=judgement.verdict,
            held_out=judgement.held_out,
        )
        write(folder, facts)
        (folder / VERDICT).write_text(judgement.verdict.model_dump_json(indent=2) + "\n", encoding="utf-8")

    def judged(self, folder: Path) -> Judged:
        """See `Steps`."""
        verdict = Verdict.model_validate_json((folder / VERDICT).read_text(encoding="utf-8"))
        return Judged(verdict.accepted, verdict.reasons, verdict.win_rate.estimate)

    def publish(self, candidate: Path, judged: Judged) -> None:
        """See `Steps`."""
        settings, now = self._settings, partial(datetime.now, UTC)
        folder = publish(
            candidate,
            settings.models_root,
            ROLE,
            redis_url=settings.redis_url,
            win_rate=judged.win_rate,
            now=now,
        )
        self._progress(f"published {folder.name}")
        for adaptable in candidate.parent.glob(f"{ADAPTABLE}*"):
            install(adaptable, settings.models_root, ROLE)
            self._progress(f"published {adaptable.name}")
        for path in candidate.parent.glob(f"*{SUFFIX}"):
            adapters = settings.models_root / "adapters"
            adapters.mkdir(exist_ok=True)
            draft = adapters / f".{path.name}.draft"
            shutil.copyfile(path, draft)
            draft.rename(adapters / path.name)
            self._progress(f"published {path.name}")


def source_of(settings: NightSettings) -> Path:
    """The base model.

    Raises:
        ModelNotFound: it is the embedded one, whose package is not installed.
    """
    return settings.base or embedded_weights()
