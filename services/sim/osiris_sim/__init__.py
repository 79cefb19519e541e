"""The market: replays bars, and is the venue that fills orders."""
