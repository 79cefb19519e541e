"""Changes that a model writes: what it is told, and what is made of its answer."""
