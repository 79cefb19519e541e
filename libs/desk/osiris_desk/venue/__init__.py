"""The venue: fills orders at the next bar's open, executes stops and targets, takes fees."""
