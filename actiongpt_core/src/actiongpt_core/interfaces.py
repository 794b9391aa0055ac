"""What a provider, an aggregator, a text encoder, a motion model and a body must be able to do.

All are protocols: a plugin's class needs the methods, not a base class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from actiongpt_core.types.text import Action, Answer, Descriptions, Prompt, TextFeatures

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from actiongpt_core.data.recording import Recording
    from actiongpt_core.types.motion import Motion
    from actiongpt_core.types.segments import Segment
    from actiongpt_core.types.skeleton import Skeleton


@runtime_checkable
class LLMProvider(Protocol):
    """Turns an action into K descriptions of body movement.

    Optional, looked for by name:
        `check()`: Raises `ProviderError` if it cannot be asked as it is set up: a key, a package, a model is missing.
            Asks nothing. `actiongpt plugins doctor` calls it.
    """

    def complete(self, action: Action, k: int) -> Descriptions:
        """K descriptions of the action.

        Raises:
            ProviderError: The provider could not answer; the message says what to do.
        """
        ...


@runtime_checkable
class LanguageModel(Protocol):
    """An LLM provider that is asked prompts.

    What a strategy asks, how an answer is cleaned, what is asked again and what is kept is the library's part; see
    `actiongpt_core.text.asking`. With `complete = asking.complete` in its class it is a whole `LLMProvider`.

    Optional, looked for by name:
        `cacheable`: True if answers cost time or money and are to be kept.
        `strategy`: Name of the prompt strategy that suits it; without it the paper's.
        `base_url`: The server, where one model's name may mean two models.
        `concurrency`: How many actions may be asked for at the same time; without it 1.
    """

    name: str
    model: str
    #: temperature, top_p, max_tokens, seed as far as the user sets them; the strategy's for those that are not here
    sampling: Mapping[str, Any]

    def answers(self, prompt: Prompt, draws: Sequence[int], sampling: Mapping[str, Any]) -> Iterator[Answer]:
        """Answers as they come: at most one for each draw, in any order; one that does not come is asked for again.

        Args:
            prompt: The question.
            draws: Numbers of the samples. Where there is a seed, that of a draw is `seed + draw`.
            sampling: What applies: the strategy's settings and, over them, the user's.

        Raises:
            ProviderError: The model cannot answer; the message says what to do. Answers before it are kept.
        """
        ...


@runtime_checkable
class TextEncoder(Protocol):
    """A frozen text model."""

    name: str
    dim: int  #: C, channels of a token state

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Encode the K descriptions of one action together, padded to the longest of them.

        Returns:
            tokens (K, L, C), mask (K, L), pooled (K, C) or None. States at padded positions are those that the text
            model computes there; the aggregator `mean` uses them.

        Raises:
            PromptError: A text is longer than the model can read.
        """
        ...


@runtime_checkable
class Aggregator(Protocol):
    """Makes one text of K.

    Optional, looked for by name:
        `needs_phrase`: True if it is to be called as `aggregator(features, phrase=phrase)`, where `phrase` is the
            action's own phrase, encoded: tokens (L, C), mask (L,), pooled (C,) or None.
    """

    def __call__(self, features: TextFeatures) -> TextFeatures:
        """Tokens (K, L, C), mask (K, L), pooled (K, C) or None -> (L, C), (L,), (C,) or None."""
        ...


@runtime_checkable
class MotionModel(Protocol):
    """A backbone: text features to motion. `generate` is all that it must have.

    Optional, looked for by name:
        `from_checkpoint(path, *, text_encoder=None, stats=None)`: class method that builds from a folder, None for the
            shipped one; without it the class is called with no argument.
        `text_encoder`: the encoder that the model was trained with; without it the embedded encoder is used.
        `generate_batch(features, lengths, *, generators, noise_scale)`: many sequences in one pass; without it the
            pipeline calls `generate` for each.
        `default_seconds`: length of an action when its text does not tell one; without it 4.
        `min_frames`, `max_frames`: shortest and longest action; lengths that are estimated stay between them, others
            are refused before a language model is asked.
        `trained_frames`: longest action of its training; no longer one is estimated.
        `strategy`: name of the prompt strategy that suits the texts of its training.
        `to(device)`: as of a torch module.
    """

    @property
    def fps(self) -> float:
        """Frames a second of the motions."""
        ...

    @property
    def skeleton(self) -> Skeleton:
        """The joints of the motions."""
        ...

    def generate(
        self,
        features: Sequence[TextFeatures],
        lengths: Sequence[int],
        *,
        generator: torch.Generator | None = None,
        noise_scale: float | None = None,
    ) -> Motion:
        """One motion from one sequence of actions.

        Args:
            features: For each action the aggregated text: tokens (L, C), mask (L,).
            lengths: For each action its number of frames.
            generator: Source of the noise; None for torch's global one.
            noise_scale: Factor on the noise of the latent, 0 for its mean; None for the checkpoint's own.

        Returns:
            A motion of sum(lengths) frames.
        """
        ...


@runtime_checkable
class BodyModel(Protocol):
    """A body: where the joints and the surface are."""

    def joints(self, motion: Motion) -> Tensor:
        """World positions of the joints, (T, J, 3), metres."""
        ...

    def mesh(self, motion: Motion) -> tuple[Tensor, Tensor]:
        """Vertices (T, V, 3) in metres and faces (N, 3)."""
        ...


@runtime_checkable
class DataSet(Protocol):
    """Motions with texts, in splits, as training and evaluation read them.

    Optional, looked for by name:
        `pairs(split)`: a sequence of `Pair`, for backbones that learn transitions; without it there are none.
    """

    @property
    def name(self) -> str:
        """As reports name it."""
        ...

    @property
    def fps(self) -> float:
        """Frames a second of all motions."""
        ...

    @property
    def splits(self) -> Sequence[str]:
        """Names of the splits, such as "train", "val", "test"."""
        ...

    def segments(self, split: str) -> Sequence[Segment]:
        """What is known of the clips of a split, in a fixed order, without reading their frames.

        Raises:
            ConfigError: There is no such split.
        """
        ...

    def motion(self, recording: str, start: int, end: int) -> Motion:
        """Frames [start, end) of a recording: the SMPL body's 22 joints, Z up, metres, pelvis translation.

        Raises:
            ConfigError: There is no such recording, or it does not have these frames.
        """
        ...


@runtime_checkable
class DataSource(Protocol):
    """The files of a data set as users have them, from which `actiongpt data prepare` makes a prepared set.

    Optional, looked for by name:
        `depends_on()`: what the set is made from besides the folder and the options, as a mapping of names to texts,
            such as the hash of a file of texts. A set that was begun with others is not gone on with.
    """

    @property
    def name(self) -> str:
        """Of the prepared set."""
        ...

    @property
    def fps(self) -> float:
        """Frames a second of the recordings that it gives."""
        ...

    def missing(self) -> Iterable[str]:
        """What is not where it is expected, and where to get it; a line for each. Nothing is read if there is one."""
        ...

    def recordings(self) -> Iterator[tuple[str, Callable[[], Recording]]]:
        """Identifier of each recording, in a fixed order, and the function that reads it.

        The function raises `RejectedRecording` with the reason for one that is left out by the set's own rules; any
        other error of the library counts as damage. Both are counted and told, and the rest goes on.
        """
        ...
