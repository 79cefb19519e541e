"""The desk and its venue as plain Python: bars in, decisions out. No Redis, no clock; live, replay and backtest run it."""
