import torch

from actiongpt_core.nn.keywords import KeywordPool


def _pool() -> KeywordPool:
    torch.manual_seed(0)
    return KeywordPool(8, 16, 4).eval()


def test_padding_is_not_heard() -> None:
    pool, tokens = _pool(), torch.randn(1, 7, 8)
    mask = torch.tensor([[True] * 5 + [False] * 2])
    loud = tokens.clone()
    loud[:, 5:] = 100.0
    assert torch.equal(pool(loud, mask), pool(tokens, mask))
    torch.testing.assert_close(pool(tokens, mask), pool(tokens[:, :5], mask[:, :5]))


def test_words_count_wherever_and_however_often_they_stand() -> None:
    pool, tokens = _pool(), torch.randn(1, 5, 8)
    mask = torch.ones(1, 5, dtype=torch.bool)
    again = torch.cat([tokens.flip(1), tokens[:, :2]], dim=1)
    torch.testing.assert_close(pool(again, mask.new_ones(1, 7)), pool(tokens, mask))


def test_another_word_changes_the_result() -> None:
    pool, tokens = _pool(), torch.randn(1, 5, 8)
    mask = torch.ones(1, 5, dtype=torch.bool)
    other = tokens.clone()
    other[:, 2] = torch.randn(8)
    assert not torch.allclose(pool(other, mask), pool(tokens, mask))
