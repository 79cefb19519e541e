"""What is written on a desk, and how it is said."""

import pytest

from osiris_tts.spoken_form import spoken_form


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("EURUSD fell 0.4 % on 2 h of volume.", "euro dollar fell zero point four percent on two hours of volume."),
        ("GBP/JPY, XAU/USD and EUR-USD", "pound yen, gold dollar and euro dollar"),
        ("up +1.25%, down -2 %", "up plus one point two five percent, down minus two percent"),
        ("5-3 % or 3–5 %", "five to three percent or three to five percent"),
        ("25 bps, 1 bp, 12 pips", "twenty-five basis points, one basis point, twelve pips"),
        ("$187.50", "one hundred and eighty-seven dollars and fifty cents"),
        ("$0.05, $1, €3", "five cents, one dollar, three euros"),
        ("$3.2B, 100 USD, GBP 5 million", "three point two billion dollars, one hundred dollars, five million pounds"),
        ("1.2M shares", "one point two million shares"),
        ("1.0831 to 1.0850", "one point zero eight three one to one point zero eight five zero"),
        ("risk/reward 1:2.5", "risk reward one to two point five"),
        ("Score: 7/10", "Score: seven out of ten"),
        ("at 14:30 UTC, 09:05, 16:00", "at fourteen thirty U.T.C, nine oh five, sixteen hundred"),
        ("2017-01-02, the 1st in 2017", "January second, twenty seventeen, the first in twenty seventeen"),
        ("S&P 500 in Q3", "S and P five hundred in Q three"),
        ("AAPL and BRK.B, not SPY", "A.A.P.L and B.R.K.B, not SPY"),
        ("10x of 20", "ten times of twenty"),
        ("if RSI < 30 & MACD > 0", "if R.S.I below thirty and M.A.C.D above zero"),
        ("**bold** `code` # title", "bold code title"),
        ("SELL EURUSD NOW", "SELL euro dollar NOW"),
        ("12345678901234567", "one two three four five six seven eight nine zero one two three four five six seven"),
        ("The trend is up.", "The trend is up."),
    ],
)
def test_spoken_form(written: str, said: str) -> None:
    assert spoken_form(written) == said


def test_no_digit_is_left() -> None:
    text = "v2.0.1 #1 1/2 3:4:5 €1.5k 007 .5 1,000,000.01 1e6 A1B2 50%/50% -$5 $-5 10^3 2nd 1.2.3.4"
    assert not any(character.isdigit() for character in spoken_form(text))
