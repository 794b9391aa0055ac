"""The conformance suite of an LLM provider: subclass it in a test module and say how the provider is built."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from actiongpt_core.errors import ActionGPTError
from actiongpt_core.interfaces import LanguageModel, LLMProvider
from actiongpt_core.registry import get_registry
from actiongpt_core.testing.suite import RegisteredSuite
from actiongpt_core.text.asking import sampling_of, strategy_of
from actiongpt_core.types.text import Action, Descriptions

# What users write and nobody foresees; a provider answers, or says in our way that it cannot.
_ODD_PHRASES = ("xyzzy plugh", 'say "hi"\nand\tleave', "走る", "{phrase} %s $HOME", "walk " * 200)


class LLMProviderSuite(RegisteredSuite):
    """What every provider promises.

    Subclass it, name the class `Test...`, and set `registered`, or write `build_provider`. A provider that needs a
    network is built with a stand-in for its server.

    Attributes:
        registered: Name under which the provider is registered; without `build_provider` it is built as users do.
        phrases: Phrases that the provider can describe.
        is_deterministic: False for a provider that answers the same question in new words.
    """

    kind = "llm"
    phrases: tuple[str, ...] = ("walk forward", "wave with the left hand")
    is_deterministic: bool = True

    def build_provider(self) -> LLMProvider:
        """The provider under test; called for every test."""
        if self.registered is None:
            raise NotImplementedError("Set `registered`, or write build_provider, which returns the provider.")
        return get_registry().build_provider(self.registered)

    @pytest.fixture
    def provider(self) -> LLMProvider:
        """The provider under test."""
        return self.build_provider()

    def test_the_provider_fits_the_protocol(self, provider: LLMProvider) -> None:
        """The provider has `complete`.

        Troubleshooting: `complete(action, k)` is a method; one that asks a language model writes `complete =
        asking.complete` in its class.
        """
        assert isinstance(provider, LLMProvider)

    @pytest.mark.parametrize("k", [1, 2, 4])
    def test_there_are_k_texts_with_words_in_them(self, provider: LLMProvider, k: int) -> None:
        """K texts are asked for, K come, none empty.

        Troubleshooting: A model that gives fewer must be asked again, or `ProviderError` raised. Strip list
        numbers and quotation marks before counting.
        """
        for phrase in self.phrases:
            descriptions = provider.complete(Action(phrase), k)
            assert isinstance(descriptions, Descriptions)
            assert descriptions.k == k
            assert all(any(character.isalpha() for character in text) for text in descriptions.texts)

    def test_texts_have_no_space_around_them(self, provider: LLMProvider) -> None:
        """Texts are clean.

        Troubleshooting: `text.strip()` each answer; language models begin with a blank or end with a line
        break.
        """
        texts = provider.complete(Action(self.phrases[0]), 4).texts
        assert [text.strip() for text in texts] == list(texts)

    def test_the_action_is_kept_with_its_seconds(self, provider: LLMProvider) -> None:
        """`Descriptions.action` is the action that was asked about.

        Troubleshooting: Hand the action on as it is: a new `Action(phrase)` loses its seconds.
        """
        action = Action(self.phrases[0], seconds=2.5)
        assert provider.complete(action, 2).action == action

    def test_the_source_is_said(self, provider: LLMProvider) -> None:
        """`Descriptions.source` tells where the texts come from.

        Troubleshooting: Set `source`, such as "llm" or "template"; users see it beside every motion.
        """
        assert provider.complete(Action(self.phrases[0]), 2).source

    def test_two_phrases_have_different_descriptions(self, provider: LLMProvider) -> None:
        """The answer is about the phrase.

        Troubleshooting: A cache whose key lacks the phrase, or a prompt whose place for the phrase was never
        filled.
        """
        first, second = (provider.complete(Action(phrase), 2).texts for phrase in self.phrases[:2])
        assert first != second

    def test_the_same_question_has_the_same_answer(self, provider: LLMProvider) -> None:
        """A deterministic provider repeats itself.

        Troubleshooting: Sort what comes from sets, seed what is drawn; a provider that answers in new words
        sets `is_deterministic = False`.
        """
        if not self.is_deterministic:
            pytest.skip("The provider answers in new words each time.")
        first, second = (provider.complete(Action(self.phrases[0]), 4) for _ in range(2))
        assert first == second

    def test_threads_may_share_the_provider(self, provider: LLMProvider) -> None:
        """Several actions may be described at once.

        Troubleshooting: State of one question is kept in `self`, or a connection is not made for threads: keep
        it in local names, or lock.
        """
        phrases = [self.phrases[number % 2] for number in range(6)]
        with ThreadPoolExecutor(max_workers=3) as pool:
            found = list(pool.map(lambda phrase: provider.complete(Action(phrase), 2), phrases))
        assert [item.phrase for item in found] == phrases
        assert all(item.k == 2 for item in found)

    def test_a_language_model_answers_a_draw_at_most_once_and_no_other(self, provider: LLMProvider) -> None:
        """`answers` gives each draw one answer at most.

        Troubleshooting: `Answer.draw` is the number that was asked for, not a count from zero.
        """
        if not isinstance(provider, LanguageModel):
            pytest.skip("The provider is not asked prompts: it has no `answers`.")
        strategy = strategy_of(provider, None)
        sampling = sampling_of(provider, strategy)
        draws = [answer.draw for answer in provider.answers(strategy.build(self.phrases[0]), [3, 1], sampling)]
        assert draws
        assert len(set(draws)) == len(draws)
        assert set(draws) <= {1, 3}

    @pytest.mark.filterwarnings("ignore")  # a provider may say that it falls back
    @pytest.mark.parametrize("phrase", _ODD_PHRASES)
    def test_an_odd_phrase_is_answered_or_refused_by_our_error(self, provider: LLMProvider, phrase: str) -> None:
        """What users type never ends in a traceback.

        Troubleshooting: Put the phrase into the prompt with `replace`, not with `format` or `%`; raise
        `ProviderError` for what cannot be answered.
        """
        try:
            num_texts = provider.complete(Action(phrase), 2).k
        except ActionGPTError:
            return
        assert num_texts == 2

    def test_more_texts_than_usual_are_given_or_refused_by_our_error(self, provider: LLMProvider) -> None:
        """K may be larger than the usual 4.

        Troubleshooting: A fixed list of sentences or of choices ran out: begin again, ask several times, or
        raise `ProviderError`.
        """
        try:
            found = provider.complete(Action(self.phrases[0]), 9).k
        except ActionGPTError:
            return
        assert found == 9

    def test_a_number_of_texts_that_cannot_be_is_refused(self, provider: LLMProvider) -> None:
        """K below 1 is an error of the library's family.

        Troubleshooting: `Descriptions` refuses to hold no texts: do not catch that, and do not ask a model for
        nothing.
        """
        for k in (0, -1):
            with pytest.raises(ActionGPTError):
                provider.complete(Action(self.phrases[0]), k)

    def test_a_check_asks_nothing_and_passes_here(self, provider: LLMProvider) -> None:
        """`check` finds a provider that is set up right to be so.

        Troubleshooting: It looks for a key, a package or a file and raises `ProviderError`; build the provider
        under test with what it needs.
        """
        check = getattr(provider, "check", None)
        if check is None:
            pytest.skip("The provider has no `check`; it is optional.")
        check()
