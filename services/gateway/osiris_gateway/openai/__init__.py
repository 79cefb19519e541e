"""The endpoints under /v1: the desk's models for every client of the OpenAI API."""
