"""The desk's words: what is written short, and how it is said."""

from calendar import month_name

CURRENCIES = {
    "USD": ("dollar", "dollars"),
    "EUR": ("euro", "euros"),
    "GBP": ("pound", "pounds"),
    "JPY": ("yen", "yen"),
    "CHF": ("franc", "francs"),
    "AUD": ("Australian dollar", "Australian dollars"),
    "CAD": ("Canadian dollar", "Canadian dollars"),
    "NZD": ("New Zealand dollar", "New Zealand dollars"),
    "CNY": ("yuan", "yuan"),
    "BTC": ("bitcoin", "bitcoin"),
    "ETH": ("ether", "ether"),
}
SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₿": "BTC"}
CENTS = {"USD": ("cent", "cents"), "EUR": ("cent", "cents"), "GBP": ("penny", "pence")}
METALS = {"XAU": "gold", "XAG": "silver"}

MAGNITUDES = {
    "k": "thousand",
    "K": "thousand",
    "M": "million",
    "m": "million",
    "mn": "million",
    "mm": "million",
    "B": "billion",
    "bn": "billion",
    "b": "billion",
    "T": "trillion",
    "tn": "trillion",
}
UNITS = {
    "%": ("percent", "percent"),
    "bp": ("basis point", "basis points"),
    "bps": ("basis point", "basis points"),
    "pip": ("pip", "pips"),
    "pips": ("pip", "pips"),
    "h": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "sec": ("second", "seconds"),
    "s": ("second", "seconds"),
    "d": ("day", "days"),
    "x": ("times", "times"),
}
MONTHS = tuple(month_name)[1:]

ABBREVIATIONS = {
    "vs.": "versus",
    "vs": "versus",
    "approx.": "approximately",
    "e.g.": "for example",
    "i.e.": "that is",
    "etc.": "and so on",
    "est.": "estimated",
    "avg.": "average",
    "avg": "average",
    "w/": "with",
    "w/o": "without",
    "S&P": "S and P",
    "P&L": "P and L",
    "PnL": "P and L",
}
SYMBOLS = {
    "±": "plus or minus",
    ">=": "at least",
    "≥": "at least",
    "<=": "at most",
    "≤": "at most",
    ">": "above",
    "<": "below",
    "=": "equals",
    "≈": "about",
    "~": "about",
    "→": "to",
    "->": "to",
    "×": "times",
    "&": "and",
    "@": "at",
    "+": "plus",
}
# fmt: off
WORDS = frozenset((
    "A", "ABORT", "AND", "AT", "BUY", "CLOSE", "DOW", "DOWN", "EXIT", "FED", "FLAT", "GAIN", "GOLD", "HIGH", "HOLD",
    "I", "IN", "IS", "IT", "LIBOR", "LONG", "LOSS", "LOW", "NATO", "NAV", "NO", "NOT", "OF", "OIL", "OK", "ON",
    "OPEC", "OPEN", "OR", "PASS", "RISK", "SELL", "SHORT", "SOFR", "SPY", "STOP", "THE", "TO", "UP", "VIX", "WAIT",
    "YES",
))
# fmt: on
"""What is said as a word though it is written in capitals; other short ones are spelled."""
