"""What the desk should do now in one instrument: risk, confidence, size, and a gate over them. Pure arithmetic."""
