"""What phi3 is told before every request."""

from osiris_contracts import Example

SYSTEM_PROMPT = (
    "You manage the position of a trading desk in one instrument. Answer with one JSON object: ticker, rationale, "
    "action, side, new_stop_pct, new_target_pct, confidence. adjust: hold a position on side LONG or SHORT with a stop "
    "and a target in percent of the price. pass: change nothing. abort: close the position."
)


def _situation(symbol: str, close: str, returns: str, volatility: str, bars: str) -> str:
    return (
        f"{symbol} close {close}\nReturn {returns}\nVolatility {volatility} a bar\nRange {bars} of it\nPosition none\n"
        f"NAV 100000, today +0.00\n\nPropose what to do with {symbol} now: adjust, pass or abort."
    )


# A model of 135 M parameters copies form better than it follows instructions: one example an outcome.
EXAMPLES = (
    Example(
        prompt=_situation(
            symbol="XAU",
            close="1904.2",
            returns="-0.02% in 5 bars, +0.05% in 20: trend flat",
            volatility="0.09%",
            bars="1901.5 to 1907.1, close at 48%",
        ),
        answer='{"ticker":"XAU","rationale":"The trend is flat and the close is in the middle of the range: pass.",'
        '"action":"pass","side":null,"new_stop_pct":null,"new_target_pct":null,"confidence":0.55}',
    ),
    Example(
        prompt=_situation(
            symbol="SPY",
            close="512.4",
            returns="+0.61% in 5 bars, +1.20% in 20: trend up",
            volatility="0.18%",
            bars="508.9 to 512.6, close at 95%",
        ),
        answer='{"ticker":"SPY","rationale":"The trend is up with +0.61% in 5 bars, and the close is near the high: '
        'go LONG.","action":"adjust","side":"LONG","new_stop_pct":0.6,"new_target_pct":1.2,"confidence":0.7}',
    ),
    Example(
        prompt=_situation(
            symbol="OIL",
            close="71.3",
            returns="-0.85% in 5 bars, -1.60% in 20: trend down",
            volatility="0.25%",
            bars="71.2 to 72.1, close at 11%",
        ),
        answer='{"ticker":"OIL","rationale":"The trend is down with -0.85% in 5 bars, and the close is near the low: '
        'go SHORT.","action":"adjust","side":"SHORT","new_stop_pct":0.8,"new_target_pct":1.6,"confidence":0.65}',
    ),
)
