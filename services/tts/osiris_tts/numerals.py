"""Numbers as they are said."""

from num2words import num2words

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_LONGEST = 15
"""Digits of a number that is said as one; a longer one is an identifier, said digit by digit."""


def number(text: str) -> str:
    """`1,234.50` as one thousand two hundred and thirty-four point five zero; decimals one by one, as prices are."""
    whole, _, decimals = text.replace(",", "").partition(".")
    if len(whole) > _LONGEST or (len(whole) > 1 and whole.startswith("0")):
        said = digits(whole)
    else:
        said = cardinal(int(whole or 0))
    return f"{said} point {digits(decimals)}" if decimals else said


def cardinal(value: int) -> str:
    """`1234` as one thousand two hundred and thirty-four."""
    return str(num2words(value)).replace(",", "")


def ordinal(value: int) -> str:
    """`21` as twenty-first."""
    return str(num2words(value, to="ordinal")).replace(",", "")


def year(value: int) -> str:
    """`2017` as twenty seventeen."""
    return str(num2words(value, to="year")).replace(",", "")


def digits(text: str) -> str:
    """`08` as zero eight."""
    return " ".join(_DIGITS[int(digit)] for digit in text)
