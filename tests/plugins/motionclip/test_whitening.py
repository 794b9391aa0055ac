import torch

from actiongpt_motionclip.pooled_encoder import PooledTextEncoder
from actiongpt_motionclip.whitening import Whitening

_LEFT, _RIGHT = "wave with the left hand", "wave with the right hand"


def test_whitened_vectors_are_centred_and_have_one_spread_in_all_directions() -> None:
    torch.manual_seed(0)
    pooled = torch.randn(500, 6) @ torch.diag(torch.tensor([5.0, 2.0, 1.0, 0.5, 0.2, 0.1])) + 3
    whitening = Whitening(6, 4)
    kept = whitening.fit(pooled, shrinkage=0.0)
    out = whitening(pooled)
    assert 0.99 < kept < 1
    torch.testing.assert_close(out.mean(0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(out.T @ out / 500, torch.eye(4), atol=1e-3, rtol=0)


def test_shrinkage_keeps_faint_directions_faint() -> None:
    torch.manual_seed(0)
    pooled = torch.randn(500, 2) @ torch.diag(torch.tensor([1.0, 1e-3]))
    whitening = Whitening(2, 2)
    whitening.fit(pooled, shrinkage=1e-2)
    assert float(whitening(pooled)[:, 1].std()) < 0.05


def test_the_mean_of_whitened_vectors_is_the_whitened_mean() -> None:
    whitening = Whitening(6, 4)
    whitening.fit(torch.randn(50, 6, generator=torch.Generator().manual_seed(0)))
    k = torch.randn(4, 6, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(whitening(k).mean(0), whitening(k.mean(0)), atol=1e-4, rtol=1e-4)


def test_the_pooled_space_tells_left_from_right_where_the_mean_alone_hardly_does() -> None:
    encoder = PooledTextEncoder("package:all-minilm-l6-v2")
    left, right = encoder.encode([_LEFT, _RIGHT]).pooled
    mean = slice(encoder.dim)
    assert float(torch.cosine_similarity(left[mean], right[mean], dim=0)) > 0.95
    assert left[-2:].tolist() == [0.5, 0.0]
    assert right[-2:].tolist() == [0.0, 0.5]


def test_a_pooled_vector_does_not_depend_on_what_is_encoded_beside_it() -> None:
    encoder = PooledTextEncoder("package:all-minilm-l6-v2")
    alone = encoder.encode([_LEFT]).pooled
    beside = encoder.encode_batch(
        [[_LEFT, "a much longer text that decides how far the first one is padded"], [_RIGHT]]
    )
    assert alone is not None
    assert beside[0].pooled is not None
    torch.testing.assert_close(beside[0].pooled[0], alone[0], atol=1e-5, rtol=0)
