"""What an annotation would ask and cost, before anybody is asked."""

from __future__ import annotations

from pathlib import Path

import attrs

from actiongpt_core.bulk.annotate import Phrases
from actiongpt_core.bulk.asker import Asker
from actiongpt_core.bulk.inputs import Survey, survey
from actiongpt_core.errors import PromptError
from actiongpt_core.text.actions import check_text
from actiongpt_core.text.asking import sampling_of

#: Characters of English in a token, roughly, and tokens that a message costs beside its words.
CHARACTERS_IN_TOKEN = 4
_TOKENS_OF_MESSAGE = 4
#: Tokens of an answer where no limit is set: the paper's.
_DEFAULT_LENGTH = 128


@attrs.define(kw_only=True)
class Estimate:
    """Counts of an input, and of the questions that it would take.

    The prompts are measured at four characters a token. Answers are counted with as many tokens as they may have at
    most, so that they cost less rather than more. An answer that has to be asked again is not foreseen.
    """

    survey: Survey
    odd: int = 0  #: phrases that will be refused
    kept: int = 0  #: phrases with all descriptions in the cache
    asked: int = 0  #: phrases that would be asked for
    answers: int = 0  #: descriptions that would be asked for
    #: one for each phrase that is asked for; where a server gives one answer a request, as many as `answers`
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


def estimate(source: Path, asker: Asker) -> Estimate:
    """Go through an input without asking anybody.

    Raises:
        MissingAssetError: The input is not there.
        ConfigError: It cannot be read, or holds no phrase.
    """
    found = Estimate(survey=survey(source))
    for phrase in Phrases(source):
        try:
            check_text(phrase)
        except PromptError:
            found.odd += 1
            continue
        missing = asker.asking.k - len(asker.kept(phrase))
        if missing:
            found.asked += 1
            found.answers += missing
            _count_tokens(found, asker, phrase, missing)
        else:
            found.kept += 1
    found.requests = found.asked if asker.is_kept else 0
    return found


def _count_tokens(found: Estimate, asker: Asker, phrase: str, missing: int) -> None:
    if asker.strategy is None:  # no language model
        return
    messages = asker.strategy.build(phrase).messages
    characters = sum(len(message["content"]) for message in messages)
    found.prompt_tokens += -(-characters // CHARACTERS_IN_TOKEN) + _TOKENS_OF_MESSAGE * len(messages)
    length = sampling_of(asker.provider, asker.strategy).get("max_tokens") or _DEFAULT_LENGTH
    found.completion_tokens += missing * int(length)
