"""What the images weigh."""

import pytest
from stack import Stack

pytestmark = pytest.mark.timeout(2400)

MOST = 400_000_000


def test_a_service_is_at_most_400_mb_above_its_base(stack: Stack) -> None:
    sizes = stack.sizes(stack.build("full"))
    print({image: f"{size / 1e6:.0f} MB" for image, size in sizes.items()})
    assert sizes and all(0 < size <= MOST for size in sizes.values()), sizes
