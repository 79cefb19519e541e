"""The planner: what the desk should do now, and what the kernel should try next. It asks no model."""
