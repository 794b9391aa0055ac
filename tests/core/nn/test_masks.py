import torch

from actiongpt_core.nn.masks import lengths_to_mask, mask_to_lengths, pad, padding_logits


def test_masks_and_lengths_are_inverse() -> None:
    lengths = torch.tensor([3, 1, 5])
    mask = lengths_to_mask(lengths)
    assert mask.shape == (3, 5)
    assert mask_to_lengths(mask).tolist() == [3, 1, 5]


def test_a_mask_may_be_longer_than_its_longest_row() -> None:
    assert lengths_to_mask([2, 0], 3).tolist() == [[True, True, False], [False, False, False]]


def test_padding_fills_up_at_the_end() -> None:
    padded = pad([torch.ones(2, 3), torch.ones(4, 3)], value=7.0)
    assert padded[0, :, 0].tolist() == [1, 1, 7, 7]
    assert padded[1].unique().tolist() == [1]


def test_padding_logits_are_the_inverted_integer_mask() -> None:
    mask = lengths_to_mask([4, 2])
    logits = padding_logits(mask, torch.float32)
    assert logits.dtype == torch.float32
    assert torch.equal(logits, (~mask.int()).float())


def test_padding_logits_hide_no_padding_but_stress_it() -> None:
    """In a softmax of equal logits padding weighs e times as much as a real token; without padding nothing changes."""
    weights = padding_logits(lengths_to_mask([4, 2], 4), torch.float64).softmax(-1)
    torch.testing.assert_close(weights[0], torch.full((4,), 0.25, dtype=torch.float64))
    torch.testing.assert_close(weights[1, 2:] / weights[1, :2], torch.full((2,), torch.e, dtype=torch.float64))
