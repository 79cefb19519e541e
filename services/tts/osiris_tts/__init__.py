"""The voice: texts become audio, sentence by sentence."""
