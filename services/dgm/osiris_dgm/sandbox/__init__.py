"""Runs code that nobody trusts: it gets features over a pipe, answers with intents, and reaches nothing else."""
