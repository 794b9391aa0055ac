from __future__ import annotations

import pytest
import torch

from actiongpt_core.errors import ConfigError, ShapeError
from actiongpt_core.nn.generation import check_sequences, draw_noise, pad_texts
from actiongpt_core.types.text import TextFeatures


def _text(length: int) -> TextFeatures:
    return TextFeatures(tokens=torch.randn(length, 4), mask=torch.ones(length, dtype=torch.bool))


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _check(features: list[list[TextFeatures]], lengths: list[list[int]]) -> None:
    check_sequences(features, lengths, min_frames=15, max_frames=90, fps=30.0)


# --- checks ---------------------------------------------------------------------------------------------------------


def test_sequences_with_a_length_in_range_for_each_action_pass() -> None:
    _check([[_text(3), _text(5)], [_text(2)]], [[15, 90], [30]])


@pytest.mark.parametrize("features", [[], [[]], [[_text(3)], []]])
def test_a_sequence_without_an_action_is_an_error(features: list[list[TextFeatures]]) -> None:
    with pytest.raises(ShapeError, match="at least one action"):
        _check(features, [[30] for _ in features])


@pytest.mark.parametrize("lengths", [[[30]], [[30, 30, 30]], [[30, 30], [30]], []])
def test_every_action_needs_one_length(lengths: list[list[int]]) -> None:
    with pytest.raises(ShapeError, match="one length"):
        _check([[_text(3), _text(5)]], lengths)


@pytest.mark.parametrize(("length", "seconds", "cure"), [(14, "0.467", "shorter"), (91, "3.03", "longer")])
def test_a_length_out_of_range_is_told_in_seconds_with_what_to_do(length: int, seconds: str, cure: str) -> None:
    with pytest.raises(ConfigError, match=rf"0\.5 to 3 seconds, got {seconds}\. For a {cure}"):
        _check([[_text(3), _text(5)]], [[30, length]])


# --- noise ----------------------------------------------------------------------------------------------------------


def test_a_rows_noise_is_its_own_generators() -> None:
    together = draw_noise([_seeded(1), _seeded(2), _seeded(1)], 6)
    assert torch.equal(together[1:2], draw_noise([_seeded(2)], 6))
    assert torch.equal(together[0], together[2])
    assert not torch.equal(together[0], together[1])


def test_actions_that_share_a_generator_draw_one_after_the_other() -> None:
    one, other = _seeded(1), _seeded(1)
    together = draw_noise([one, one], 6)
    assert torch.equal(together, torch.cat([draw_noise([other], 6), draw_noise([other], 6)]))
    assert not torch.equal(together[0], together[1])


def test_without_a_generator_the_global_seed_decides() -> None:
    torch.manual_seed(5)
    first = draw_noise([None, None], 6)
    torch.manual_seed(5)
    assert torch.equal(draw_noise([None, None], 6), first)


# --- texts ----------------------------------------------------------------------------------------------------------


def test_padded_texts_are_found_again_under_their_mask() -> None:
    texts = [_text(3), _text(7), _text(1)]
    tokens, mask = pad_texts(texts)
    assert tokens.shape == (3, 7, 4)
    assert mask.dtype == torch.bool
    for text, row, real in zip(texts, tokens, mask, strict=True):
        assert torch.equal(row[real], text.tokens)
        assert not row[~real].any()


def test_tokens_that_a_text_itself_leaves_out_stay_out() -> None:
    text = TextFeatures(tokens=torch.ones(3, 4), mask=torch.tensor([True, False, True]))
    assert pad_texts([text, _text(4)])[1][0].tolist() == [True, False, True, False]
