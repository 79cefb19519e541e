"""`osiris models pull`, against a hub of one repository on this machine."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from osiris_cli import pulling
from osiris_cli.errors import CliError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "README.md": b"prose",
    "cpu/genai_config.json": b"{}",
    "cpu/model.onnx": b"graph",
    "cpu/model.onnx.data": b"weights",
    "cpu/pytorch_model.bin": b"a pickle",
    "cpu/modeling.py": b"code",
    "gpu/model.onnx": b"another",
}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's API as a download asks for."""

    asked: list[str]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/api/models/desk/phi3/tree/"):
            self._say([{"type": "file", "path": name, "size": len(data), "oid": "0"} for name, data in FILES.items()])
        elif path.startswith("/api/models/desk/phi3"):
            self._say({"id": "desk/phi3", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]})
        elif path.startswith(f"/desk/phi3/resolve/{COMMIT}/"):
            self._file(FILES[path.removeprefix(f"/desk/phi3/resolve/{COMMIT}/")])
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def _say(self, answer: object) -> None:
        self._send(json.dumps(answer).encode(), {"content-type": "application/json"})

    def _file(self, data: bytes) -> None:
        if self.command == "GET":
            self.asked.append(self.path)
        self._send(data, {"etag": f'"{hashlib.sha1(data).hexdigest()}"', "x-repo-commit": COMMIT})

    def _send(self, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {**headers, "content-length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def hub() -> Iterator[str]:
    """Its URL."""
    Hub.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_folder_of_a_repository_becomes_a_version_of_data_alone(hub: str, tmp_path: Path) -> None:
    found = pulling.pull(tmp_path, "phi3", "desk/phi3", folder="cpu", hub=hub)
    assert found == tmp_path / "phi3" / "phi3-cpu-01234567"
    assert {path.name: path.read_bytes() for path in found.iterdir()} == {
        "genai_config.json": b"{}",
        "model.onnx": b"graph",
        "model.onnx.data": b"weights",
    }
    assert [path.name for path in (tmp_path / "phi3").iterdir()] == [found.name], "nothing is left beside it"
    fetched = len(Hub.asked)
    assert pulling.pull(tmp_path, "phi3", "desk/phi3", folder="cpu", hub=hub) == found
    assert len(Hub.asked) == fetched, "the same again costs nothing"


def test_what_is_no_model_is_refused_and_leaves_nothing(hub: str, tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"expected manifest\.json.*folder gpu"):
        pulling.pull(tmp_path, "phi3", "desk/phi3", folder="gpu", hub=hub)
    assert list((tmp_path / "phi3").iterdir()) == []


def test_a_repository_that_is_not_there_is_told(hub: str, tmp_path: Path) -> None:
    with pytest.raises(CliError, match="expected to fetch desk/nobody, could not"):
        pulling.pull(tmp_path, "phi3", "desk/nobody", hub=hub)
