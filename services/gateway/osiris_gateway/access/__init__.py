"""Who may come in, and how often: API keys, their scopes and limits, other origins, security headers."""
