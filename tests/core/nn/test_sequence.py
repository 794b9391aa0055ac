import pytest
import torch

from actiongpt_core.nn.basis import MotionBasis
from actiongpt_core.nn.distributions import DiagonalGaussian
from actiongpt_core.nn.positional import sinusoid
from actiongpt_core.nn.rows import Rows
from actiongpt_core.nn.sequence import OneMemoryDecoderLayer, SequenceDecoder, SequenceEncoder, SequenceTransformer

_SIZES = {"num_heads": 4, "num_layers": 2, "ff_size": 32, "dropout": 0.0}


def _decoder(**options: object) -> SequenceDecoder:
    torch.manual_seed(0)
    return SequenceDecoder(7, 16, **_SIZES, **options).eval()  # type: ignore[arg-type]


def test_positions_start_with_zero_sine_and_one_cosine() -> None:
    assert sinusoid(4, 6)[0].tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("frames_per_token", [1, 4])
def test_padding_does_not_change_what_the_encoder_says(frames_per_token: int) -> None:
    torch.manual_seed(0)
    encoder = SequenceEncoder(7, 16, frames_per_token=frames_per_token, **_SIZES).eval()  # type: ignore[arg-type]
    features = torch.randn(1, 12, 7)
    padded = torch.cat([features, torch.randn(1, 8, 7)], dim=1)
    alone = encoder(features, torch.tensor([12]))
    together = encoder(padded, torch.tensor([12]))
    torch.testing.assert_close(together.mu, alone.mu, atol=1e-5, rtol=0)


@pytest.mark.parametrize("frames_per_token", [1, 5])
def test_a_decoded_batch_equals_its_items_and_is_zero_beyond_them(frames_per_token: int) -> None:
    decoder = _decoder(frames_per_token=frames_per_token)
    latent = torch.randn(2, 16)
    batch = decoder(latent, torch.tensor([20, 13]))
    alone = decoder(latent[1:], torch.tensor([13]))
    torch.testing.assert_close(batch[1:, :13], alone, atol=1e-5, rtol=0)
    assert not batch[1, 13:].any()


def test_one_memory_token_needs_no_attention() -> None:
    torch.manual_seed(0)
    ours = OneMemoryDecoderLayer(16, 4, 32, 0.0).eval()
    torchs = torch.nn.TransformerDecoderLayer(16, 4, 32, 0.0, activation="gelu", batch_first=True).eval()
    torchs.load_state_dict(ours.state_dict())
    queries, memory = torch.randn(2, 9, 16), torch.randn(2, 1, 16)
    rows = Rows.of(queries, None)
    found = rows.unpack(ours(rows.pack(queries), memory[:, 0], rows))
    torch.testing.assert_close(found, torchs(queries, memory), atol=1e-5, rtol=0)


def test_zero_noise_gives_the_mean() -> None:
    gaussian = DiagonalGaussian(torch.randn(3, 4), torch.randn(3, 4))
    assert torch.equal(gaussian.sample(noise_scale=0.0), gaussian.mu)


def test_the_divergence_agrees_with_torch() -> None:
    torch.manual_seed(0)
    a, b = (DiagonalGaussian(torch.randn(5), torch.randn(5)) for _ in range(2))
    normals = [torch.distributions.Normal(item.mu, item.std) for item in (a, b)]
    torch.testing.assert_close(a.kl(b), torch.distributions.kl_divergence(*normals))
    unit = torch.distributions.Normal(torch.zeros(5), torch.ones(5))
    torch.testing.assert_close(a.kl(), torch.distributions.kl_divergence(normals[0], unit))


def test_the_basis_spans_the_clips_it_was_fitted_to() -> None:
    torch.manual_seed(0)
    clips = torch.randn(40, 3) @ torch.randn(3, 10 * 7)
    basis = MotionBasis(16, 3, 10, 7)
    assert basis.fit(clips.reshape(40, 10, 7)) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("with_gradient", [True, False])
def test_an_additive_mask_is_added_to_the_attention_and_hides_nothing(with_gradient: bool) -> None:
    torch.manual_seed(0)
    encoder = SequenceTransformer(16, 4, 2, 32, 0.0).eval()
    x, mask = torch.randn(1, 6, 16), torch.tensor([[-2.0] * 4 + [-1.0] * 2])
    with torch.set_grad_enabled(with_gradient):
        plain, shifted = encoder(x), encoder(x, torch.full((1, 6), -2.0))
        added, moved = (encoder(x, mask + shift) for shift in (0.0, 5.0))
        hidden = encoder(x, torch.where(mask == -1.0, -torch.inf, 0.0))
        masked = encoder(x, mask == -1.0)
    # The softmax does not see a shift of all logits; it does see one more on the padding.
    torch.testing.assert_close(shifted, plain, atol=1e-5, rtol=0)
    torch.testing.assert_close(moved, added, atol=1e-5, rtol=0)
    # Rows of padding come out as anything.
    torch.testing.assert_close(hidden[:, :4], masked[:, :4], atol=1e-5, rtol=0)
    assert not torch.allclose(added, plain, atol=1e-3)
    assert not torch.allclose(added[:, :4], masked[:, :4], atol=1e-3)
