"""What a graph of somebody else's says of itself, without its weights."""

from dataclasses import dataclass
from pathlib import Path

_ATTENTION = "GroupQueryAttention"
# where each operator takes its table of cosines: com.microsoft's GroupQueryAttention and RotaryEmbedding
_COSINES = {_ATTENTION: 7, "RotaryEmbedding": 2}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        shared_cache: whether its attention writes into a preallocated cache.
        positions: that its tables of cosines hold; None: it has none, or computes them.
        rotary: values of a head that these tables turn.
    """

    shared_cache: bool
    positions: int | None
    rotary: int | None


def inspect(graph: Path) -> Inspection:
    """Look into an ONNX file.

    Raises:
        ValueError: it is none.
    """
    import onnx  # half a second that our own graphs do not need

    try:
        model = onnx.load_model(str(graph), load_external_data=False)
    except Exception as error:  # protobuf raises types of its own
        raise ValueError(f"expected an ONNX graph at {graph}: {error}") from error
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    tables = [
        shapes[node.input[_COSINES[node.op_type]]]
        for node in model.graph.node
        if node.op_type in _COSINES
        and len(node.input) > _COSINES[node.op_type]
        and node.input[_COSINES[node.op_type]] in shapes
    ]
    return Inspection(
        shared_cache=any(node.op_type == _ATTENTION for node in model.graph.node),
        positions=tables[0][0] if tables else None,
        rotary=2 * tables[0][1] if tables else None,
    )
