"""Speech over HTTP: /speak, and /v1/audio/speech for clients of the OpenAI API."""
