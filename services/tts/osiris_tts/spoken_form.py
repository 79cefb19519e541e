"""A text as a person on a desk would say it: `EURUSD fell 0.4 % to $1.08` → euro dollar fell zero point four percent …

One pass a subject, the most special first: what one pass has said, no later one sees as a number or a sign.
"""

import re
from collections.abc import Iterable

from osiris_tts import vocabulary as words
from osiris_tts.numerals import cardinal, digits, number, ordinal, year


def _any(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_SIGN = r"(?P<sign>(?<![\w.)])[+-]\s?)?"
_CODES = _any({**words.CURRENCIES, **words.METALS})

_MARKUP = re.compile(r"https?://\S+|[*_`#|]+|^\s*(?:[-•>]|\d+[.)])\s+", re.MULTILINE)
_PAIR = re.compile(rf"\b({_CODES})[/-]?({_CODES})\b")
_DATE = re.compile(r"\b(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b")
_TIME = re.compile(r"(?<![\d:.])([01]\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?(?![\d:]|\.\d)")
_CLOCK = re.compile(r"(?<![\d:.])(\d{1,2})(?::([0-5]\d))?\s?([ap])\.?m\b\.?", re.IGNORECASE)
_RANGE = re.compile(rf"(?<![\w.-])({_NUMBER})\s?[-–]\s?(?={_NUMBER})")
_MAGNITUDE = rf"(?:\s?(?P<magnitude>{_any(words.MAGNITUDES)}|thousand|million|billion|trillion)\b)?"
_SIGNED_MONEY = re.compile(
    rf"{_SIGN}(?P<currency>[{''.join(words.SIGNS)}]|\b(?:{_any(words.CURRENCIES)})\s)\s?(?P<amount>{_NUMBER}){_MAGNITUDE}"
)
_MONEY = re.compile(rf"{_SIGN}(?P<amount>{_NUMBER}){_MAGNITUDE}\s?(?P<currency>{_any(words.CURRENCIES)}|[€£])(?!\w)")
_SCORE = re.compile(r"(?<![\w/.])(\d{1,2}(?:\.\d+)?)\s?/\s?(10|100)\b(?!/)")
_RATIO = re.compile(rf"(?<![\d:.])({_NUMBER})\s?:\s?({_NUMBER})(?![\d:])")
_UNIT = re.compile(rf"{_SIGN}(?P<amount>{_NUMBER})\s?(?P<unit>{_any(words.UNITS)})(?!\w)")
_LARGE = re.compile(rf"{_SIGN}(?P<amount>{_NUMBER})\s?(?P<magnitude>{_any(words.MAGNITUDES)})(?!\w)")
_ORDINAL = re.compile(r"\b(\d{1,4})(?:st|nd|rd|th)\b")
_YEAR = re.compile(r"(?<=\b(?:in|of|by) )((?:19|20)\d\d)\b(?![.,]\d)|(?<=\bsince )((?:19|20)\d\d)\b(?![.,]\d)")
_PLAIN = re.compile(rf"{_SIGN}(?P<amount>{_NUMBER}|\.\d+)")
_ABBREVIATION = re.compile(rf"(?<![\w.])(?:{_any(words.ABBREVIATIONS)})(?!\w)")
_SYMBOL = re.compile(_any(words.SYMBOLS))
_CAPITALS = re.compile(r"(?<![\w.])[A-Z]{2,5}(?:[.-][A-Z])?(?=s?\b)")
_SLASH = re.compile(r"(?<=\w)\s?/\s?(?=\w)")
_SPACE = re.compile(r"\s+")
_SPACE_BEFORE = re.compile(r"\s+([.,;:!?])")


def spoken_form(text: str) -> str:
    """The text in words. What it has no rule for stays as it is."""
    shouted = not any(map(str.islower, text))
    text = _MARKUP.sub(" ", text.replace("−", "-").replace("’", "'"))
    text = _PAIR.sub(lambda found: f"{_currency(found[1])} {_currency(found[2])}", text)
    text = _ABBREVIATION.sub(lambda found: words.ABBREVIATIONS[found[0]], text)
    text = _DATE.sub(_date, text)
    text = _CLOCK.sub(_clock, text)
    text = _TIME.sub(_time, text)
    text = _SIGNED_MONEY.sub(_money, text)
    text = _MONEY.sub(_money, text)
    text = _SCORE.sub(lambda found: f"{number(found[1])} out of {number(found[2])}", text)
    text = _RATIO.sub(lambda found: f"{number(found[1])} to {number(found[2])}", text)
    text = _RANGE.sub(lambda found: f"{number(found[1])} to ", text)
    text = _UNIT.sub(_unit, text)
    text = _LARGE.sub(lambda found: f"{_signed(found)} {words.MAGNITUDES[found['magnitude']]}", text)
    text = _ORDINAL.sub(lambda found: ordinal(int(found[1])), text)
    text = _YEAR.sub(lambda found: year(int(found[0])), text)
    text = _PLAIN.sub(lambda found: f" {_signed(found)} " if _in_word(found) else _signed(found), text)
    text = _SYMBOL.sub(lambda found: f" {words.SYMBOLS[found[0]]} ", text)
    if not shouted:
        text = _CAPITALS.sub(_capitals, text)
    text = _SLASH.sub(" ", text)
    return _SPACE_BEFORE.sub(r"\1", _SPACE.sub(" ", text)).strip()


def _signed(found: re.Match[str]) -> str:
    sign = {"+": "plus ", "-": "minus "}.get((found["sign"] or "").strip(), "")
    return sign + number(found["amount"])


def _in_word(found: re.Match[str]) -> bool:
    """Whether the number is part of a name, such as Q3."""
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    return before.isalpha() or after.isalpha()


def _currency(code: str) -> str:
    return words.METALS.get(code) or words.CURRENCIES[code][0]


def _money(found: re.Match[str]) -> str:
    sign = found["currency"].strip()
    code = words.SIGNS.get(sign, sign)
    one, many = words.CURRENCIES[code]
    amount, magnitude = found["amount"], found["magnitude"]
    if magnitude:
        return f"{_signed(found)} {words.MAGNITUDES.get(magnitude, magnitude)} {many}"
    whole, _, decimals = amount.replace(",", "").partition(".")
    if len(decimals) == 2 and code in words.CENTS:
        minus = {"+": "plus ", "-": "minus "}.get((found["sign"] or "").strip(), "")
        cents = int(decimals)
        large = f"{number(whole)} {one if whole == '1' else many}" if int(whole) or not cents else ""
        small = f"{cardinal(cents)} {words.CENTS[code][0 if cents == 1 else 1]}" if cents else ""
        return minus + " and ".join(part for part in (large, small) if part)
    return f"{_signed(found)} {one if amount == '1' else many}"


def _unit(found: re.Match[str]) -> str:
    one, many = words.UNITS[found["unit"]]
    return f"{_signed(found)} {one if found['amount'] == '1' else many}"


def _date(found: re.Match[str]) -> str:
    return f"{words.MONTHS[int(found[2]) - 1]} {ordinal(int(found[3]))}, {year(int(found[1]))}"


def _time(found: re.Match[str]) -> str:
    return f"{cardinal(int(found[1]))} {_minutes(found[2]) or 'hundred'}"


def _clock(found: re.Match[str]) -> str:
    minutes = f" {_minutes(found[2])}" if found[2] and int(found[2]) else ""
    return f"{cardinal(int(found[1]))}{minutes} {found[3].upper()}.M"


def _minutes(text: str) -> str:
    if text == "00":
        return ""
    return f"oh {digits(text[1])}" if text.startswith("0") else cardinal(int(text))


def _capitals(found: re.Match[str]) -> str:
    word = found[0]
    return word if word in words.WORDS else ".".join(letter for letter in word if letter.isalpha())
