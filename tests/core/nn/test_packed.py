"""Packed batches against torch's layers with padding: the same outputs and gradients; dropout of the same law."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from actiongpt_core.nn.attention import self_attention
from actiongpt_core.nn.dropout import Dropout, dropped
from actiongpt_core.nn.masks import lengths_to_mask
from actiongpt_core.nn.rows import Rows
from actiongpt_core.nn.sequence import SequenceDecoder, SequenceTransformer

DIM, HEADS, LAYERS, FF = 16, 4, 2, 32
lengths = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def torchs_encoder(ours: SequenceTransformer) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(DIM, HEADS, FF, 0.0, activation="gelu", batch_first=True)
    theirs = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
    theirs.load_state_dict(ours.state_dict())
    return theirs


def gradients(module: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    module.zero_grad()
    loss.backward()
    return {name: weight.grad.clone() for name, weight in module.named_parameters() if weight.grad is not None}


@settings(max_examples=15, deadline=None)
@given(lengths)
def test_an_encoder_is_torchs_in_outputs_and_gradients(found: list[int]) -> None:
    torch.manual_seed(0)
    ours = SequenceTransformer(DIM, HEADS, LAYERS, FF, 0.0)
    theirs = torchs_encoder(ours)
    x, mask = torch.randn(len(found), max(found), DIM), lengths_to_mask(torch.tensor(found), max(found))
    one, other = ours(x, ~mask), theirs(x, src_key_padding_mask=~mask)
    torch.testing.assert_close(one[mask], other[mask], atol=1e-5, rtol=1e-5)
    seen = torch.randn(int(mask.sum()), DIM)
    mine, wanted = (gradients(module, (out[mask] * seen).sum()) for module, out in ((ours, one), (theirs, other)))
    assert mine.keys() == wanted.keys()
    for name, gradient in wanted.items():
        torch.testing.assert_close(mine[name], gradient, atol=1e-4, rtol=1e-4, msg=lambda told, name=name: name + told)


@settings(max_examples=10, deadline=None)
@given(lengths)
def test_the_first_tokens_alone_are_those_of_all(found: list[int]) -> None:
    torch.manual_seed(0)
    encoder = SequenceTransformer(DIM, HEADS, LAYERS, FF, 0.0)
    x, mask = torch.randn(len(found), max(found), DIM), lengths_to_mask(torch.tensor(found), max(found))
    torch.testing.assert_close(encoder(x, ~mask, first=1), encoder(x, ~mask)[:, :1], atol=1e-5, rtol=1e-5)


@settings(max_examples=10, deadline=None)
@given(lengths)
def test_rows_come_back_to_their_places(found: list[int]) -> None:
    x, mask = torch.randn(len(found), max(found), 3), lengths_to_mask(torch.tensor(found), max(found))
    rows = Rows.of(x, ~mask)
    packed = rows.pack(x)
    assert len(packed) == sum(found)
    assert torch.equal(rows.unpack(packed), x * mask[..., None])
    assert torch.equal(rows.repeat(x[:, 0])[: found[0]], x[:1, 0].expand(found[0], 3))


def test_a_decoder_is_torchs_in_outputs_and_gradients() -> None:
    torch.manual_seed(0)
    sizes = {"num_heads": HEADS, "num_layers": LAYERS, "ff_size": FF, "dropout": 0.0}
    ours = SequenceDecoder(7, DIM, **sizes)  # type: ignore[arg-type]
    layer = nn.TransformerDecoderLayer(DIM, HEADS, FF, 0.0, activation="gelu", batch_first=True)
    theirs = nn.TransformerDecoder(layer, LAYERS)
    theirs.load_state_dict(ours.transformer.state_dict())
    latent, found = torch.randn(3, DIM), torch.tensor([9, 4, 6])
    mask = lengths_to_mask(found, 9)
    queries = ours.position(torch.zeros(3, 9, DIM))
    out = theirs(queries, latent[:, None], tgt_key_padding_mask=~mask)
    wanted = ours.final_layer(out) * mask[..., None]
    torch.testing.assert_close(ours(latent, found), wanted, atol=1e-5, rtol=1e-5)
    mine, other = (gradients(ours.transformer, ours(latent, found).square().sum()), None)
    other = gradients(
        theirs,
        (ours.final_layer(theirs(queries, latent[:, None], tgt_key_padding_mask=~mask)) * mask[..., None])
        .square()
        .sum(),
    )
    for name, gradient in mine.items():
        torch.testing.assert_close(gradient, other[name], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropout_keeps_the_mean_and_drops_its_share(p: float) -> None:
    torch.manual_seed(0)
    out = dropped(torch.ones(400_000), p)
    assert float((out == 0).float().mean()) == pytest.approx(p, abs=0.005)
    assert float(out.mean()) == pytest.approx(1.0, abs=0.01)


def test_dropouts_gradient_is_dropped_at_the_same_places() -> None:
    torch.manual_seed(0)
    x = torch.randn(50, 40, requires_grad=True)
    out = dropped(x, 0.3)
    out.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad == 0, out == 0)


def test_dropout_added_is_dropout_and_sum() -> None:
    layer = Dropout(0.3)
    x, change = torch.randn(6, 5), torch.randn(6, 5)
    torch.manual_seed(1)
    added = layer.add_to(x, change)
    torch.manual_seed(1)
    torch.testing.assert_close(added, x + layer(change))
    assert torch.equal(layer.eval().add_to(x, change), x + change)


def test_attention_with_dropout_has_the_gradient_of_what_it_computes() -> None:
    torch.manual_seed(0)
    weights = nn.MultiheadAttention(8, 2, dropout=0.4, batch_first=True).double().train()
    x = torch.randn(7, 8, dtype=torch.float64, requires_grad=True)
    rows = Rows((2, 4), ((1, 4), (1, 3)), index=torch.tensor([0, 1, 2, 3, 4, 5, 6]))

    def attend(values: Tensor) -> Tensor:
        torch.manual_seed(3)
        return self_attention(weights, values, rows)

    assert torch.autograd.gradcheck(attend, (x,))


def test_attention_drops_out_in_the_mean_to_what_it_is_without() -> None:
    torch.manual_seed(0)
    weights = nn.MultiheadAttention(8, 2, dropout=0.2, batch_first=True)
    x = torch.randn(6, 8)
    rows = Rows((1, 6), ((1, 6),))
    with torch.no_grad():
        drawn = torch.stack([self_attention(weights.train(), x, rows) for _ in range(3000)])
        wanted = self_attention(weights.eval(), x, rows)
    spread = drawn.std(0) / math.sqrt(len(drawn))
    assert bool(((drawn.mean(0) - wanted).abs() < 5 * spread + 1e-4).all())
