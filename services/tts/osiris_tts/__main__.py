"""`python -m osiris_tts`: run the voice."""

from osiris_mesh.main import main
from osiris_tts.app import build
from osiris_tts.settings import TtsSettings

if __name__ == "__main__":
    main(TtsSettings, build)
