"""Puts the kernel together from its settings."""

from datetime import timedelta

from osiris_desk.market import csv_file
from osiris_desk.market.bundled import bundled_csv
from osiris_desk.policy.shipped import code_of
from osiris_desk.policy.signing import PUBLIC_SUFFIX, private_key
from osiris_desk.policy.store import PolicyStore
from osiris_dgm.archive.archive import Archive
from osiris_dgm.kernel import Kernel
from osiris_dgm.promote.promoter import Promoter, Terms
from osiris_dgm.settings import DgmSettings
from osiris_dgm.statistics.holdout import Holdout
from osiris_dgm.verify.judge import Judge
from osiris_dgm.verify.market import Market


def judge(settings: DgmSettings) -> Judge:
    """The judge on the settings' bars.

    Raises:
        CsvError: the file gives no bars.
        ValueError: too few of them.
    """
    bars = csv_file.read(settings.bars or bundled_csv()).bars
    market = Market.of(settings.symbol, bars, settings.seed)
    holdout = Holdout(settings.kernel / "holdout.json", market.digest, settings.holdout_queries)
    return Judge(market, holdout, seed=settings.seed)


def kernel(settings: DgmSettings, archive: Archive, judging: Judge) -> Kernel:
    """The kernel on its archive."""
    return Kernel(archive, judging, code_of(settings.root), settings.seed)


def promoter(settings: DgmSettings, archive: Archive) -> Promoter:
    """The promoter, on the desk's own store."""
    key = settings.policy_key
    return Promoter(
        settings.kernel / "promotion.json",
        PolicyStore(settings.policies, key),
        archive,
        key=lambda: private_key(key.with_name(key.name.removesuffix(PUBLIC_SUFFIX))),
        terms=Terms(
            every=timedelta(hours=settings.promotion_hours),
            canary_runs=settings.canary_runs,
            watch_runs=settings.watch_runs,
        ),
    )
