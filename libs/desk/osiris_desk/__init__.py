"""The desk and its venue as plain Python: bars in, decisions out, no Redis, no clock. Live and backtest share it."""
