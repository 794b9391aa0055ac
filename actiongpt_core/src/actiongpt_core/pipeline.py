"""Pipeline: describe, encode, generate; one prompt or many."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import attrs
import torch

from actiongpt_core.checkpoints import read_backbone
from actiongpt_core.errors import ConfigError, PromptError
from actiongpt_core.hookspecs import MotionModelSpec
from actiongpt_core.interfaces import Aggregator, LanguageModel, LLMProvider, MotionModel, TextEncoder
from actiongpt_core.nn.generation import check_lengths
from actiongpt_core.plugins import Part
from actiongpt_core.postprocess import check_postprocesses
from actiongpt_core.postprocess import postprocess as clean
from actiongpt_core.registry import get_registry, guard
from actiongpt_core.text.actions import MAX_ACTIONS
from actiongpt_core.text.cache import DescriptionCache
from actiongpt_core.text.decompose import is_decompose, read_text
from actiongpt_core.text.describe import describe
from actiongpt_core.text.durations import estimate_seconds
from actiongpt_core.text.encoded import EncodedTexts
from actiongpt_core.text.encoders import TransformersTextEncoder
from actiongpt_core.text.prompts import Strategy, get_strategy
from actiongpt_core.types.motion import Motion
from actiongpt_core.types.text import MAX_SECONDS, Action, Descriptions

#: What `generate` takes: a text, one action or several, or descriptions that were looked at.
Prompt = str | Action | Descriptions | Sequence[Action] | Sequence[Descriptions]

_DEFAULT_SECONDS = 4.0


class Pipeline:
    """Text to motion: a language model describes, a backbone moves.

    Args:
        backbone: Name of an installed motion model, or the model itself; None for the one that the checkpoint names,
            and without a checkpoint for the default one.
        llm: Name of an LLM provider, or the provider itself; None for the default one (the descriptions that ship).
        aggregator: Name of an aggregator, or a function; None for the paper's mean.
        checkpoint: Checkpoint folder; None for the one that ships with the backbone.
        text_encoder: Folder, package or hub name of the text model, instead of the checkpoint's own.
        stats: Feature statistics, for published checkpoints that come without.
        strategy: How a language model is asked: a name such as "few-shot", or a `Strategy`; None for the provider's own
            (of `local`), else the checkpoint's, else the paper's. "decompose" has the language model part the text
            into actions.
        k: Descriptions of one action.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1", "mps".

    Attributes:
        backbone: Name of the motion model; None where the model itself was given.
        capabilities: What the backbone's plugin declares, such as "sequence" and "deterministic"; None where the model
            itself was given, of which nothing is declared.

    Raises:
        UnknownBackboneError: No installed plugin provides the backbone.
        UnknownPluginError: No installed plugin provides the provider or the aggregator.
        PluginError: Two plugins provide a name, or a plugin's code fails when the part is loaded or built.
        CheckpointError: The checkpoint is missing, damaged, unsafe, or of another backbone.
        ConfigError: k, the strategy or the device cannot work.
        ProviderError: The provider cannot be set up.
    """

    def __init__(
        self,
        backbone: str | MotionModel | None = None,
        *,
        llm: str | LLMProvider | None = None,
        aggregator: str | Aggregator | None = None,
        checkpoint: str | Path | None = None,
        text_encoder: str | Path | None = None,
        stats: str | Path | None = None,
        strategy: str | Strategy | None = None,
        k: int = 4,
        device: str = "auto",
    ) -> None:
        if isinstance(k, bool) or not isinstance(k, int) or k < 1:
            raise ConfigError(f"k, the number of descriptions, must be a whole number of at least 1, got {k!r}.")
        if strategy is not None:
            get_strategy(strategy)
        self.k = k
        self.device = _device(device)
        registry = get_registry()
        if backbone is None and checkpoint is not None:
            backbone = read_backbone(Path(checkpoint))
        part = registry.part("backbone", backbone) if backbone is None or isinstance(backbone, str) else None
        self.backbone: str | None = part.spec.name if part is not None else None
        self.capabilities = _capabilities(part) if part is not None else None
        self.llm: LLMProvider = registry.build_provider(llm) if llm is None or isinstance(llm, str) else llm
        self.aggregator: Aggregator = (
            registry.aggregator(aggregator).load() if aggregator is None or isinstance(aggregator, str) else aggregator
        )
        self.model: MotionModel = (
            _build(part, checkpoint, text_encoder, stats) if part is not None else backbone  # type: ignore[assignment]
        )
        if hasattr(self.model, "to"):
            self.model.to(self.device)
        self.strategy = strategy
        self._encoder: TextEncoder | None = None
        self._encoded = EncodedTexts(self.aggregator)
        self._cache = DescriptionCache()

    @property
    def text_encoder(self) -> TextEncoder:
        """The text model: the backbone's own, or the embedded one where it has none."""
        if self._encoder is None:
            encoder: Any = getattr(self.model, "text_encoder", None) or TransformersTextEncoder()
            self._encoder = encoder.to(self.device) if hasattr(encoder, "to") else encoder
        return self._encoder

    def plan(self, prompt: Prompt, *, seconds: float | Literal["auto"] | None = "auto") -> list[Action]:
        """The actions of a prompt, each with its seconds, as `generate` will make them; nobody describes them yet.

        Args:
            prompt: As for `generate`.
            seconds: As for `generate`.

        Raises:
            PromptError: The text cannot be turned into actions, or holds several and the backbone makes one at a time.
            ConfigError: seconds cannot work, or the checkpoint cannot make a length.
        """
        return self._plan([prompt], seconds)[0]

    def describe(self, prompt: str | Action | Sequence[Action]) -> list[Descriptions]:
        """K descriptions of each action.

        Raises:
            PromptError: The text cannot be turned into actions.
            ProviderError: The provider could not answer.
        """
        return self._describe(self._actions(prompt))

    async def adescribe(self, prompt: str | Action | Sequence[Action]) -> list[Descriptions]:
        """As `describe`, for services: the event loop goes on while the language model writes.

        A call that is cancelled is answered all the same, and the answer kept, since it is paid for.
        """
        return await asyncio.to_thread(self.describe, prompt)

    def generate(
        self,
        prompt: Prompt,
        *,
        seconds: float | Literal["auto"] | None = "auto",
        seed: int | None = None,
        noise_scale: float | None = None,
        postprocess: Sequence[str] = (),
    ) -> Motion:
        """One motion.

        Args:
            prompt: A text ("walk forward, then jump"), actions, or descriptions from `describe`.
            seconds: Length of each action that does not say its own; "auto" estimates each from its words, within what
                the checkpoint can make; None for the checkpoint's default.
            seed: The same seed gives the same motion, alone or in a batch; None draws from torch's global generator.
            noise_scale: Factor on the noise of the latent: 0 for the mean, 1 for all; None for the checkpoint's own.
            postprocess: Clean-up by name ("smooth", "floor", "foot-skate"), none unless asked for; see
                `actiongpt_core.postprocess`.

        A backbone that is "deterministic" takes seed and noise_scale as every other does, with the same checks, and
        they change nothing.

        Raises:
            PromptError: The text cannot be turned into actions, or holds several and the backbone makes one at a time.
            ConfigError: seconds, seed, noise_scale or postprocess cannot work, or the checkpoint cannot make this
                length.
            ProviderError: The provider could not answer.
        """
        return self.generate_batch(
            [prompt], seconds=seconds, seed=seed, noise_scale=noise_scale, postprocess=postprocess
        )[0]

    def generate_batch(
        self,
        prompts: Sequence[Prompt],
        *,
        seconds: float | Literal["auto"] | None = "auto",
        seed: int | Sequence[int] | None = None,
        noise_scale: float | None = None,
        postprocess: Sequence[str] = (),
    ) -> list[Motion]:
        """Many motions, of different numbers of actions and lengths, one pass through the network.

        Args:
            prompts: As for `generate`.
            seconds: As for `generate`.
            seed: One for every prompt, or one for each.
            noise_scale: As for `generate`.
            postprocess: As for `generate`.

        Raises:
            ActionGPTError: As for `generate`; a prompt that cannot work stops the batch before anything is generated.
        """
        if isinstance(prompts, str):
            raise PromptError("generate_batch needs a list of prompts; use generate for one text.")
        generators = _generators(seed, len(prompts))
        _check_noise_scale(noise_scale)
        names = check_postprocesses(postprocess)
        if not prompts:
            return []
        planned = self._plan(prompts, seconds)
        lengths = [[self._num_frames(action) for action in actions] for actions in planned]
        described = self._described(prompts, planned)
        features = self._encoded.features(described, self.text_encoder)
        if hasattr(self.model, "generate_batch"):
            made: list[Motion] = self.model.generate_batch(
                features, lengths, generators=generators, noise_scale=noise_scale
            )
        else:
            made = [
                self.model.generate(texts, frames, generator=generator, noise_scale=noise_scale)
                for texts, frames, generator in zip(features, lengths, generators, strict=True)
            ]
        made = [
            attrs.evolve(motion, descriptions=tuple(told) if len(told) == len(motion.starts) else ())
            for motion, told in zip(made, described, strict=True)
        ]
        return [clean(motion, names) for motion in made] if names else made

    # --- steps -------------------------------------------------------------------------------------------------------

    def _actions(self, prompt: Prompt) -> list[Action]:
        """The actions of a prompt; what cannot work is refused here, before anybody is paid for descriptions."""
        if isinstance(prompt, str):
            actions: list[Any] = read_text(prompt, self.llm, self.strategy, self._cache)
        else:
            texts = _descriptions(prompt)
            listed: Sequence[Any] = prompt if isinstance(prompt, Sequence) else [prompt]
            actions = [item.action for item in texts] if texts else list(listed)
        for wrong in (item for item in actions if not isinstance(item, Action)):
            raise PromptError(f"A prompt is a text, Actions or Descriptions; got {type(wrong).__name__} {wrong!r:.60}.")
        if not 1 <= len(actions) <= MAX_ACTIONS:
            raise PromptError(f"A prompt needs 1 to {MAX_ACTIONS} actions, got {len(actions)}.")
        return actions

    def _described(self, prompts: Sequence[Prompt], asked: Sequence[list[Action]]) -> list[list[Descriptions]]:
        """What is said of every action: the user's own, or from the provider, all that it is asked for together."""
        own = [_descriptions(prompt) for prompt in prompts]
        new = iter(
            self._describe([it for texts, actions in zip(own, asked, strict=True) if not texts for it in actions])
        )
        return [texts or [next(new) for _ in actions] for texts, actions in zip(own, asked, strict=True)]

    def _describe(self, actions: list[Action]) -> list[Descriptions]:
        return describe(actions, self.llm, self.k, self._cache, strategy=self._strategy())

    def _strategy(self) -> str | Strategy | None:
        """How descriptions are asked for: the user's way, the provider's if it has one, the checkpoint's."""
        if self.strategy is not None and not is_decompose(self.strategy):
            return self.strategy
        if not isinstance(self.llm, LanguageModel) or getattr(self.llm, "strategy", None):
            return None
        own: str | None = getattr(self.model, "strategy", None)
        return own

    def _check_count(self, count: int) -> None:
        if count > 1 and self.capabilities is not None and "sequence" not in self.capabilities:
            able = [label for label, part in get_registry().labels("backbone") if "sequence" in _capabilities(part)]
            raise PromptError(
                f"This backbone makes one action at a time, and the prompt has {count}. Give one action, or use a "
                f"backbone with the capability 'sequence' (installed: {', '.join(able) or 'none'})."
            )

    def _plan(self, prompts: Sequence[Prompt], seconds: float | Literal["auto"] | None) -> list[list[Action]]:
        sequences = [self._actions(prompt) for prompt in prompts]
        for actions in sequences:
            self._check_count(len(actions))
        default: float = getattr(self.model, "default_seconds", _DEFAULT_SECONDS)
        length = _given_seconds(seconds) or default
        silent = {it.phrase: length for actions in sequences for it in actions if it.seconds is None}
        if seconds == "auto":
            estimated = estimate_seconds(list(silent), bounds=self._range)
            silent = {phrase: found or length for phrase, found in zip(silent, estimated, strict=True)}
        planned = [
            [it if it.seconds else attrs.evolve(it, seconds=silent[it.phrase]) for it in actions]
            for actions in sequences
        ]
        longest: int | None = getattr(self.model, "max_frames", None)
        if longest is not None:
            for actions in planned:
                frames = [self._num_frames(action) for action in actions]
                shortest = getattr(self.model, "min_frames", 1)
                check_lengths(frames, min_frames=shortest, max_frames=longest, fps=self.model.fps)
        return planned

    @property
    def _range(self) -> tuple[float, float]:
        """Shortest and longest action that the checkpoint makes well, seconds."""
        longest = min(getattr(self.model, name, math.inf) for name in ("max_frames", "trained_frames"))
        return getattr(self.model, "min_frames", 1) / self.model.fps, min(longest / self.model.fps, MAX_SECONDS)

    def _num_frames(self, action: Action) -> int:
        return max(round((action.seconds or _DEFAULT_SECONDS) * self.model.fps), 1)


def _descriptions(prompt: Prompt) -> list[Descriptions]:
    """The descriptions that a prompt consists of; none if it is a text or actions."""
    listed: Sequence[Any] = prompt if isinstance(prompt, Sequence) and not isinstance(prompt, str) else [prompt]
    return list(listed) if all(isinstance(item, Descriptions) for item in listed) else []


def _given_seconds(seconds: float | Literal["auto"] | None) -> float | None:
    if seconds is None or seconds == "auto":
        return None
    if isinstance(seconds, str):
        raise ConfigError(f"seconds must be a positive number or 'auto', got {seconds!r}.")
    return Action("any action", seconds).seconds  # checks the value


def _capabilities(part: Part) -> frozenset[str]:
    return cast(MotionModelSpec, part.spec).capabilities


def _build(
    part: Part, checkpoint: str | Path | None, text_encoder: str | Path | None, stats: str | Path | None
) -> MotionModel:
    build: Callable[..., MotionModel] = part.spec.load()
    reader: Callable[..., MotionModel] | None = getattr(build, "from_checkpoint", None)
    path = None if checkpoint is None else Path(checkpoint)
    if reader is None and any(given is not None for given in (checkpoint, text_encoder, stats)):
        raise ConfigError("This backbone reads no checkpoint: leave checkpoint, text_encoder and stats out.")
    with guard(part, "built"):
        if reader is None:
            return build()
        return reader(path, text_encoder=text_encoder, stats=None if stats is None else Path(stats))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"Device {name!r} cannot be used ({reason}). Try 'auto' or 'cpu'.") from None
    return device


def _generators(seed: int | Sequence[int] | None, count: int) -> list[torch.Generator | None]:
    if seed is None:
        return [None] * count
    seeds = list(seed) if isinstance(seed, Sequence) else [seed] * count
    if len(seeds) != count:
        raise ConfigError(f"{count} prompts need one seed or {count}, got {len(seeds)}.")
    for value in seeds:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
            raise ConfigError(f"A seed must be a whole number of at least 0, got {value!r}.")
    return [torch.Generator().manual_seed(value) for value in seeds]


def _check_noise_scale(value: float | None) -> None:
    if value is not None and not (isinstance(value, (int, float)) and 0 <= value <= 10):
        raise ConfigError(f"noise_scale must be a number from 0 (the mean) to 10, got {value!r}.")
