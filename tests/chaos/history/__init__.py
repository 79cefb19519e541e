"""The history checker: seeded work, a seeded nemesis, and an oracle over what came of it."""
