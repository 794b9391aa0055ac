"""Test doubles that are small, fast and deterministic: text encoder, provider, language model, motion models."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from actiongpt_core.errors import ShapeError
from actiongpt_core.geometry.rotations import axis_angle_to_matrix
from actiongpt_core.nn.generation import check_sequences
from actiongpt_core.text import asking
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.skeleton import SMPL_BODY, Skeleton
from actiongpt_core.types.text import Action, Answer, Descriptions, Prompt, TextFeatures

_LONGEST = 100_000  #: frames of an action


class FakeTextEncoder:
    """A text encoder without a model: a word's vector is drawn with the word's hash as seed.

    States at padded positions are not zero, as those of real text models are not.

    Args:
        dim: C.
    """

    def __init__(self, dim: int = 16) -> None:
        self.name = "fake"
        self.dim = dim

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Encode K texts word by word.

        Returns:
            tokens (K, L, C), mask (K, L), pooled (K, C): the mean over a text's words.
        """
        words = [text.split() or [""] for text in texts]
        longest = max(map(len, words))
        padded = [row + ["<pad>"] * (longest - len(row)) for row in words]
        tokens = torch.stack([torch.stack([self._vector(word) for word in row]) for row in padded])
        mask = torch.tensor([[i < len(row) for i in range(longest)] for row in words])
        pooled = (tokens * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return TextFeatures(tokens=tokens, mask=mask, pooled=pooled)

    def _vector(self, word: str) -> Tensor:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
        return torch.randn(self.dim, generator=torch.Generator().manual_seed(seed))


class FakeProvider:
    """A provider that numbers the phrase.

    Attributes:
        calls: The actions that it was asked for, in order.
    """

    def __init__(self) -> None:
        self.calls: list[Action] = []

    def complete(self, action: Action, k: int) -> Descriptions:
        """K texts that differ from each other."""
        self.calls.append(action)
        texts = tuple(f"{action.phrase}, told in way {number}" for number in range(1, k + 1))
        return Descriptions(
            action=action, texts=texts, source="llm", provider="fake", model="fake", prompt=action.phrase
        )


class FakeLanguageModel:
    """A language model that writes what a function says.

    Args:
        write: Prompt and number of the draw -> the answer; None for one that does not come.
        sampling: What the user sets.

    Attributes:
        asked: For every request the prompt's text and the draws, in order.
    """

    name = "fake"
    model = "scripted"
    cacheable = True
    complete = asking.complete

    def __init__(
        self, write: Callable[[Prompt, int], str | None] | None = None, sampling: Mapping[str, Any] | None = None
    ) -> None:
        self._write = write or (lambda prompt, draw: f"The person moves in way {draw} of {len(prompt.text)}.")
        self.sampling: Mapping[str, Any] = sampling or {}
        self.asked: list[tuple[str, tuple[int, ...]]] = []

    def answers(self, prompt: Prompt, draws: Sequence[int], sampling: Mapping[str, Any]) -> Iterator[Answer]:
        """One answer a draw, in order; 10 tokens asked and 5 written for each."""
        self.asked.append((prompt.text, tuple(draws)))
        for draw in draws:
            text = self._write(prompt, draw)
            if text is not None:
                yield Answer(draw=draw, text=text, prompt_tokens=10, completion_tokens=5, seconds=0.0)


class FakeMotionModel:
    """A motion model without weights: joints swing in the directions that text and noise give.

    Args:
        noise_scale: What `noise_scale=None` means.
    """

    def __init__(self, noise_scale: float = 1.0) -> None:
        self.fps = 20.0
        self.skeleton: Skeleton = SMPL_BODY
        self.text_encoder = FakeTextEncoder()
        self._noise_scale = noise_scale

    def generate(
        self,
        features: Sequence[TextFeatures],
        lengths: Sequence[int],
        *,
        generator: torch.Generator | None = None,
        noise_scale: float | None = None,
    ) -> Motion:
        """One swing an action; the pelvis walks along -y at 1 m/s."""
        check_sequences([features], [lengths], min_frames=1, max_frames=_LONGEST, fps=self.fps)
        scale = self._noise_scale if noise_scale is None else noise_scale
        swings = [self._swing(item, length, scale, generator) for item, length in zip(features, lengths, strict=True)]
        rotations = axis_angle_to_matrix(torch.cat(swings))
        translation = torch.zeros(sum(lengths), 3)
        translation[:, 1] = -torch.arange(sum(lengths)) / self.fps
        translation[:, 2] = 0.9
        starts = tuple(sum(lengths[:i]) for i in range(len(lengths)))
        return Motion(rotations=rotations, translation=translation, fps=self.fps, skeleton=self.skeleton, starts=starts)

    def generate_batch(
        self,
        features: Sequence[Sequence[TextFeatures]],
        lengths: Sequence[Sequence[int]],
        *,
        generators: Sequence[torch.Generator | None],
        noise_scale: float | None = None,
    ) -> list[Motion]:
        """Many sequences; the same as one by one."""
        return [
            self.generate(texts, frames, generator=generator, noise_scale=noise_scale)
            for texts, frames, generator in zip(features, lengths, generators, strict=True)
        ]

    def _swing(self, text: TextFeatures, length: int, scale: float, generator: torch.Generator | None) -> Tensor:
        """Axis-angle (T, J, 3), radians."""
        pattern = self._repeat(text.tokens[text.mask].mean(dim=0))
        noise = torch.randn(len(pattern), generator=generator)
        return self._arc(pattern + scale * noise, length)

    def _repeat(self, state: Tensor) -> Tensor:
        """A text's vector (C,), as often as it takes to have a number for each angle, (3 J,)."""
        count = self.skeleton.num_joints * 3
        return state.repeat(-(-count // len(state)))[:count]

    def _arc(self, direction: Tensor, length: int) -> Tensor:
        """From rest into the direction (3 J,) and back, (T, J, 3)."""
        phase = torch.linspace(0, torch.pi, length)[:, None]
        return (0.3 * torch.sin(phase) * torch.tanh(direction)).reshape(length, -1, 3)


class FakePooledModel(FakeMotionModel):
    """A motion model that reads pooled text alone and draws no noise: all seeds give one motion."""

    def _swing(self, text: TextFeatures, length: int, scale: float, generator: torch.Generator | None) -> Tensor:
        if text.pooled is None:
            raise ShapeError("This model needs pooled text features; the text encoder gives none.")
        return self._arc(self._repeat(text.pooled), length)
