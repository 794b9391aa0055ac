from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path

import numpy as np
import pytest

from actiongpt_core.data.procedural import ACTIONS
from actiongpt_core.errors import ConfigError, MissingAssetError
from actiongpt_core.interfaces import LLMProvider, TextEncoder
from actiongpt_core.text.folding import fold
from actiongpt_core.text.phrases import why_different
from actiongpt_core.text.providers import pack
from actiongpt_core.text.providers.pack import DEFAULT_PACK, THRESHOLD, PackProvider, read_pack
from actiongpt_core.text.sides import mirror_text
from actiongpt_core.text.vectors import embedding_key, unit_vectors
from actiongpt_core.types.text import Action

DESCRIPTIONS = read_pack(DEFAULT_PACK)
OTHER = {"left": "right", "right": "left"}
PARAPHRASES = Path(__file__).parent / "paraphrases.json"


def sides(text: str) -> set[str]:
    return {match.lower() for match in re.findall(r"\b(left|right)", text, re.IGNORECASE)}


@pytest.fixture(scope="module")
def provider(embedded_encoder: TextEncoder) -> PackProvider:
    return PackProvider(text_encoder=embedded_encoder)


# --- the file that ships ---------------------------------------------------------------------------------------------


def test_pack_says_who_wrote_it_and_when() -> None:
    about = json.loads(DEFAULT_PACK.read_text(encoding="utf-8"))["about"]
    assert "large language model" in about["origin"]
    assert "2026" in about["origin"]


def test_pack_holds_at_least_200_phrases_with_four_different_descriptions_each() -> None:
    assert len(DESCRIPTIONS) >= 200
    assert all(len(texts) == 4 == len(set(texts)) for texts in DESCRIPTIONS.values())


@pytest.mark.parametrize("phrase", DESCRIPTIONS)
def test_descriptions_are_one_paragraph_of_25_to_50_words(phrase: str) -> None:
    for text in DESCRIPTIONS[phrase]:
        assert 25 <= len(text.split()) <= 50
        assert text.isascii()
        assert text == " ".join(text.split())
        assert text.endswith(".")


@pytest.mark.parametrize("phrase", [phrase for phrase in DESCRIPTIONS if len(sides(phrase)) == 1])
def test_one_sided_phrase_never_names_the_other_side_and_has_a_twin(phrase: str) -> None:
    (side,) = sides(phrase)
    texts = DESCRIPTIONS[phrase]
    assert all(OTHER[side] not in sides(text) for text in texts)
    assert any(side in sides(text) for text in texts)
    assert mirror_text(phrase) in DESCRIPTIONS


def test_right_sided_twins_are_exact_swaps_unless_written_on_their_own() -> None:
    exact = [p for p, texts in DESCRIPTIONS.items() if DESCRIPTIONS.get(mirror_text(p)) == [*map(mirror_text, texts)]]
    assert len([phrase for phrase in exact if len(sides(phrase)) == 1]) >= 60


def test_no_description_invents_a_gender_an_emotion_or_a_reader() -> None:
    forbidden = (
        r"\b(he|she|his|her|him|man|woman|boy|girl|happ(?:y|i\w+)|sad\w*|angr\w+|joy\w*|proud\w*|scared|you|your|I)\b"
    )
    found = [text for texts in DESCRIPTIONS.values() for text in texts if re.search(forbidden, text, re.IGNORECASE)]
    assert found == []


def test_pack_holds_every_parametric_action() -> None:
    assert [name for name in ACTIONS if name not in DESCRIPTIONS] == []


@pytest.mark.cmu
@pytest.mark.skipif("ACTIONGPT_CMU" not in os.environ, reason="ACTIONGPT_CMU is not set")
def test_pack_holds_every_text_of_the_cmu_set() -> None:
    clips = json.loads((Path(os.environ["ACTIONGPT_CMU"]) / "clips.json").read_text(encoding="utf-8"))
    texts = {text for clip in clips for text in clip["texts"]}
    assert sorted(text for text in texts | {*map(mirror_text, texts)} if text not in DESCRIPTIONS) == []


def test_embeddings_that_ship_are_those_of_the_pack(provider: PackProvider, embedded_encoder: TextEncoder) -> None:
    with np.load(DEFAULT_PACK.with_suffix(".npz"), allow_pickle=False) as stored:
        assert str(stored["key"]) == embedding_key(DESCRIPTIONS, embedded_encoder.name), "run write_embeddings"
    computed = unit_vectors(embedded_encoder, list(DESCRIPTIONS))
    # Half precision of numbers below 1.
    np.testing.assert_allclose(provider._embeddings, computed, atol=1e-3)


# --- looking up ------------------------------------------------------------------------------------------------------


def test_provider_is_a_provider(provider: PackProvider) -> None:
    assert isinstance(provider, LLMProvider)


@pytest.mark.parametrize(
    ("query", "phrase"),
    [
        ("walk forward", "walk forward"),
        ("Walk, forward!", "walk forward"),
        ("a person is walking forward", "walk forward"),
        ("WALKS FORWARDS", "walk forward"),
        ("Run", "Run"),
        ("run", "run"),
        ("RUN", "run"),
        ("raise your left arm", "raise the left arm"),
        ("sits down", "sit down"),
        ("Jump, Balance", "jump, balance"),
    ],
)
def test_phrase_is_found_whatever_its_case_punctuation_and_inflection(
    provider: PackProvider, query: str, phrase: str
) -> None:
    found = provider.complete(Action(query, seconds=2.0), 4)
    assert found.source == "pack"
    assert list(found.texts) == DESCRIPTIONS[phrase]
    assert found.action == Action(query, seconds=2.0)
    assert provider.find(query) == phrase


def test_pack_knows_phrases_by_their_commas_so_that_lists_are_still_split(provider: PackProvider) -> None:
    assert provider.knows("jump, balance")
    assert provider.knows("Run/Jog,  sudden stop")
    assert not provider.knows("run, jog")
    assert not provider.knows("Run. Stop. Run.")


def test_phrases_that_fold_alike_describe_the_same_action() -> None:
    forms: dict[str, set[str]] = {}
    for phrase in DESCRIPTIONS:
        forms.setdefault(fold(phrase), set()).add(phrase)
    shared = [phrases for phrases in forms.values() if len(phrases) > 1]
    assert {"run", "Run", "running"} in shared
    assert all(why_different(one, other) is None for phrases in shared for one in phrases for other in phrases)


def test_near_phrase_lends_its_descriptions_and_the_source_names_it(provider: PackProvider) -> None:
    found = provider.complete(Action("lift the left arm"), 4)
    assert found.source == "nearest:raise the left arm"
    assert list(found.texts) == DESCRIPTIONS["raise the left arm"]


def test_phrase_without_a_neighbour_describes_itself(provider: PackProvider) -> None:
    found = provider.complete(Action("brush the teeth"), 3)
    assert (found.source, found.texts) == ("phrase", ("brush the teeth",) * 3)


@pytest.mark.parametrize(
    ("query", "neighbour"),
    [
        ("wave the left hand", "wave with the right hand"),
        ("raise both arms sideways", "raise the left arm to the side"),
        ("kick backwards", "kick forward"),
        ("walk on stairs downwards", "walk up stairs"),
        ("knock on the door twice", "knock on a door"),
        ("spin around twice", "spin around three times"),
        ("do not walk forward", "walk forward"),
        ("roll a ball", "throw a ball"),
        ("run in a circle quickly", "walk in a circle quickly"),
    ],
)
def test_near_neighbour_that_says_something_else_is_refused(
    tmp_path: Path, embedded_encoder: TextEncoder, query: str, neighbour: str
) -> None:
    file = tmp_path / "pack.json"
    file.write_text(json.dumps({neighbour: DESCRIPTIONS["walk"]}), encoding="utf-8")
    provider = PackProvider(file, embedded_encoder)
    cosine = float((provider._embeddings @ unit_vectors(embedded_encoder, [query])[0])[0])
    assert cosine >= THRESHOLD
    assert provider.nearest(query, threshold=0.0) is None
    assert provider.complete(Action(query), 4).source == "phrase"


def test_threshold_gives_many_right_neighbours_and_hardly_a_wrong_one(provider: PackProvider) -> None:
    pairs = json.loads(PARAPHRASES.read_text(encoding="utf-8"))["pairs"]
    assert len(pairs) >= 40
    assert not any(provider.find(query) for query, _ in pairs)
    found = [(provider.nearest(query), wanted) for query, wanted in pairs]
    right = sum(phrase in wanted for phrase, wanted in found)
    wrong = sum(phrase is not None and phrase not in wanted for phrase, wanted in found)
    # The numbers of docs/explanation/description-pack.md.
    assert (right, wrong) == (54, 1)


def test_user_is_told_once_how_to_plug_in_a_language_model(
    provider: PackProvider, caplog: pytest.LogCaptureFixture
) -> None:
    pack._tell_how.cache_clear()
    with caplog.at_level(logging.WARNING, logger="actiongpt_core"):
        provider.complete(Action("brush the teeth"), 4)
        provider.complete(Action("tie the shoes"), 4)
    assert "'brush the teeth' is not in the description pack" in caplog.text
    assert caplog.text.count("OPENAI_API_KEY") == 1
    assert "tie the shoes" not in caplog.text


def test_pack_gives_the_first_k_and_never_more_than_it_holds(provider: PackProvider) -> None:
    assert list(provider.complete(Action("walk"), 2).texts) == DESCRIPTIONS["walk"][:2]
    with pytest.raises(ConfigError, match="holds 4 descriptions"):
        provider.complete(Action("walk"), 5)


def test_pack_works_without_the_embedded_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: PackProvider) -> TextEncoder:
        raise MissingAssetError("not installed")

    monkeypatch.setattr(PackProvider, "_encoder", missing)
    assert PackProvider().complete(Action("walk"), 4).source == "pack"
    assert PackProvider().complete(Action("brush the teeth"), 4).source == "phrase"


# --- files of the user -----------------------------------------------------------------------------------------------


def test_annotation_file_of_the_paper_is_read_case_exact_first(tmp_path: Path) -> None:
    file = tmp_path / "gpt3_annotations.json"
    file.write_text(json.dumps({"Walk": ["A", "B", "C", "D"], "walk": ["a", "b", "c", "d"]}), encoding="utf-8")
    provider = PackProvider(file)
    assert provider.complete(Action("Walk"), 4).texts == ("A", "B", "C", "D")
    assert provider.complete(Action("walk"), 4).texts == ("a", "b", "c", "d")
    assert provider.complete(Action("WALKING"), 4).texts == ("a", "b", "c", "d")


def test_missing_file_is_a_missing_asset(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match="nowhere"):
        PackProvider(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "JSON object"),
        ("{}", "JSON object"),
        ('{"walk": "text"}', "entry 'walk'"),
        ('{"walk": []}', "entry 'walk'"),
        ('{"walk": ["a", 1]}', "entry 'walk'"),
        ('{"run": ["a"], "walk": [" "]}', "entry 'walk'"),
    ],
)
def test_malformed_file_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "pack.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        PackProvider(file)


def test_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pack.json"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read as JSON"):
        PackProvider(file)
