"""The `osiris` command: run the desk, ask it, watch it, mend it."""
