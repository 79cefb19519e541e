"""From the cheapest question to the dearest: does it parse, is it allowed, does it answer, does it earn."""
