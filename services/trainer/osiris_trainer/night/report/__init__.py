"""What a night found, for people: Markdown and HTML, with plots as SVG and no script."""

from osiris_trainer.night.report.write import Facts, write

__all__ = ["Facts", "write"]
