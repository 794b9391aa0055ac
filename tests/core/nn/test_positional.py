from __future__ import annotations

import pytest
import torch

from actiongpt_core.errors import ShapeError
from actiongpt_core.nn.positional import PositionalEncoding


def test_a_sequence_of_more_positions_than_there_are_is_refused_with_the_way_out() -> None:
    position = PositionalEncoding(4, dropout=0.0, max_positions=6)
    assert position(torch.zeros(1, 6, 4)).shape == (1, 6, 4)
    with pytest.raises(ShapeError, match=r"7 positions, and 6 .* aggregator"):
        position(torch.zeros(1, 7, 4))
