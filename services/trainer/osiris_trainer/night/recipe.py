"""How a night trains."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["f32", "bf16", "nf4"]


class Recipe(BaseModel):
    """What decides what is learnt from a dataset; the same recipe, data, base and code, the same model."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seed: int
    precision: Precision
    top_layers: int = Field(ge=0, description="Layers that learn, from the top; 0: all.")
    rank: int = Field(ge=1)
    batch: int = Field(ge=1)
    sft_steps: int = Field(ge=1)
    sft_rate: float = Field(gt=0)
    dpo_steps: int = Field(ge=0)
    dpo_rate: float = Field(gt=0)
    beta: float = Field(gt=0)
