"""Running the mesh: presence, control, dead letters."""

from typing import Literal

from pydantic import Field, model_validator

from osiris_contracts._base import Contract, ModelId, UtcTime


class ModelStatus(Contract):
    """The model a service holds."""

    loaded: bool = Field(description="Whether it can answer.")
    version: str | None = Field(description="Its version; null before it is loaded.")
    file_exists: bool = Field(description="Whether its file is on disk.")
    device: str = Field(description="Where it runs: cpu or cuda.")
    adapters: tuple[str, ...] = Field(default=(), description="LoRA adapters that a request may name.")


MODEL_VERSION_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class ModelVersion(Contract):
    """A version of a model was published: it lies whole in the folder of models, under its role and name."""

    role: ModelId = Field(description="Whose model.")
    version: str = Field(
        pattern=MODEL_VERSION_PATTERN,
        description="Its name, and its folder's: 1 to 100 letters, digits, dots, _ and -; no path.",
    )
    published_at: UtcTime = Field(description="When, UTC.")
    lineage: dict[str, str] = Field(default={}, description="Hashes of what it was made from, as in its manifest.")
    win_rate: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Against the one in use on held-out corrections; null: not judged.",
    )


class Presence(Contract):
    """What a living instance says of itself every few seconds."""

    service: str = Field(description="The service.")
    instance: str = Field(description="The instance, unique in the mesh.")
    ready: bool = Field(description="Whether it can work.")
    draining: bool = Field(default=False, description="Whether it takes no new work.")
    in_flight: int = Field(ge=0, description="Messages being handled.")
    pid: int | None = Field(default=None, ge=1, description="Its process, as its own machine or container counts them.")
    memory_mib: float | None = Field(default=None, ge=0, description="Memory that the process holds, MiB resident.")
    started_at: UtcTime = Field(description="When it started, UTC.")
    probe_url: str | None = Field(default=None, description="Where it serves /healthz, /readyz and /metrics.")
    model: ModelStatus | None = Field(default=None, description="Its model, when it has one.")


class Control(Contract):
    """An instruction to every instance of a service, or to one of them, on `control.<service>`."""

    command: Literal["drain", "resume", "sleep", "wake", "restart", "cancel"] = Field(
        description="drain: take no new work; resume: take work again; sleep: also give the model's memory back; "
        "wake: load it again and take work; restart: take no new work, finish what runs, hand the rest back and end "
        "with exit code 75, so that the supervisor starts it anew; cancel: stop one request."
    )
    instance: str | None = Field(
        default=None, min_length=1, max_length=200, description="The instance that is meant; null: all of the service."
    )
    request_id: str | None = Field(
        default=None, min_length=1, max_length=200, description="cancel only: id of the request."
    )
    reason: str = Field(default="", max_length=500, description="For the log.")

    @model_validator(mode="after")
    def _cancel_names_its_request(self) -> "Control":
        if (self.command == "cancel") != (self.request_id is not None):
            raise ValueError("expected request_id with cancel, and with nothing else")
        return self


class DeadLetter(Contract):
    """An entry that was put aside: as it came, plus why, when and how often."""

    stream: str = Field(description="Where it came from.")
    entry_id: str = Field(description="Its entry id in the dead-letter stream.")
    original_id: str = Field(description="Its entry id in the stream it came from.")
    group: str = Field(description="The consumer group that gave up.")
    reason: str = Field(description="Why.")
    deliveries: int = Field(ge=0, description="How often it was tried.")
    died_at: UtcTime = Field(description="When, UTC.")
    cut: str | None = Field(
        default=None,
        description="What it was, when it was too large to be kept whole; null: it is whole. It cannot be replayed.",
    )
    fields: dict[str, str] = Field(description="The entry's own fields; bytes that are no UTF-8 are backslash-escaped.")
