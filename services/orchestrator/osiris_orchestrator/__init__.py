"""The desk: bars in, proposals judged and critiqued, orders out, a paper book kept."""
