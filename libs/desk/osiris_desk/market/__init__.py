"""Bars: read from files, played from a tape, written as ticks."""
