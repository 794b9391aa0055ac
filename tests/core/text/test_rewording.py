"""Labels as a language model writes them, and whether they still say what the phrase says."""

from __future__ import annotations

import pytest

from actiongpt_core.text.rewording import what_is_changed

KEPT = [
    ("strolls ahead like grandma", "walk forward slowly"),
    ("strolling ahead like somebody's grandmother", "walk forward slowly"),
    ("He flails his left hand about to greet her, twice", "wave with the left hand twice"),
    ("plops down onto the sofa", "sit down"),
    ("she's running backwards in a hurry", "run backward quickly"),
    ("has to hop about on his right foot three times", "hop on the right foot three times"),
    ("has a seat with the right arm stuck up in the air", "sit down with the right arm raised"),
    ("he strolls along and greets her", "walk and wave"),
    ("A man walks to the left", "walk to the left"),
    ("a person is sitting down on a chair", "sit down on a chair"),
    ("puts both arms in the air", "raise both arms"),
    ("walks with the arms up", "walk with the arms raised"),
    ("shuffles sideways to the right", "shuffle sideways to the right"),
    ("bends forward at the waist", "bend forward"),
    ("the person does a cartwheel", "do a cartwheel"),
    ("tiptoes quietly", "tiptoe"),
    ("peeks around", "look around"),
    ("ambles over to the left", "walk to the left"),
    ("gets onto the right knee", "kneel on the right knee"),
    ("turns his head left", "turn the head left"),
    ("climbs the stairs", "climb stairs"),
    ("kicks a ball with right foot", "kick a ball with the right foot"),
    ("moonwalks", "walk backward"),
    ("jumps high", "jump up high"),
    ("juggle three clubs", "juggle three clubs"),
    ("the man bends over and picks up a box from the floor", "bend down and pick up a box"),
    ("a guy throws a baseball overhand with his right arm", "throw a ball overhand with the right arm"),
    ("he scratches his head", "scratch the head"),
    ("hurries up the stairs", "walk up stairs quickly"),
    ("a person waves hello", "wave"),
    ("gets up from the floor", "stand up"),
    ("does jumping jacks", "jump jacks"),
    ("limps as if the right leg is hurt", "limp on the right leg"),
    ("plays an imaginary guitar", "play guitar"),
    ("performs a tennis serve", "serve in tennis"),
    ("walks in a big circle counterclockwise", "walk in a circle counterclockwise"),
    ("punches twice with left then right", "punch twice, left then right"),
    ("drinks from a glass held in the right hand", "drink with the right hand"),
    ("takes two steps to the right", "step to the right twice"),
    ("balances on one foot", "stand on one leg"),
    ("collapses to the ground", "fall down"),
    ("does a handstand", "do a handstand"),
    ("reaches for a high shelf", "reach up"),
    ("puts hands on hips", "place the hands on the hips"),
    ("spins around quickly", "spin quickly"),
    ("walks over and opens a door", "walk forward and open a door"),
    ("raises a hand to shield the eyes", "raise a hand to the eyes"),
    ("climbs a ladder", "climb up a ladder"),
    ("rides a bike", "ride a bicycle"),
    ("wipes the table with a cloth", "wipe a table"),
    ("the person runs then stops suddenly", "run, then stop"),
    ("falls backward", "fall backward"),
    ("strolls around the park", "walk around"),
    ("stays put", "stand still"),
    ("stand up from a chair and walk away", "stand up and walk away"),
    ("vacuum the floor", "vacuum"),
    ("picks up the phone and talks", "pick up a phone and talk"),
    ("rocks back and forth", "rock back and forth"),
]
CHANGED = [
    ("sit down then stand up", "stand up, then sit down", "order"),
    ("walk slowly", "walk quickly", "speed"),
    ("walk slowly", "walk", "speed"),
    ("kick with the left leg, then the right leg", "kick with the right leg, then the left leg", "order"),
    ("raise both arms", "raise an arm", "side"),
    ("raise the left arm", "raise the left leg", "body part"),
    ("walk", "walk and wave", "action"),
    ("jump", "jump forward", "direction"),
    ("walk backward", "walk forward", "direction"),
    ("turn the head", "turn", "body part"),
    ("turn left", "turn right", "side"),
    ("jump twice", "jump", "count"),
    ("do not jump", "jump", "negation"),
    ("dance", "walk forward slowly", "verb"),
    ("walk forward", "sit down", "verb"),
    ("walk, sit down and wave", "walk and wave", "verb"),
    ("turn left", "turn", "side"),
    ("jump and clap", "clap and jump", "order"),
    ("climb the stairs", "walk", "verb"),
    ("bounces a basketball", "wave", "verb"),
]


@pytest.mark.parametrize(("phrase", "label"), KEPT)
def test_other_words_for_the_same_movement_are_taken(phrase: str, label: str) -> None:
    assert what_is_changed(phrase, label) is None


@pytest.mark.parametrize(("phrase", "label", "what"), CHANGED)
def test_what_is_changed_added_or_left_out_is_named(phrase: str, label: str, what: str) -> None:
    assert what_is_changed(phrase, label) == what


@pytest.mark.parametrize("phrase", [phrase for pair in KEPT for phrase in pair])
def test_a_phrase_says_what_it_says(phrase: str) -> None:
    assert what_is_changed(phrase, phrase) is None


@pytest.mark.parametrize(
    "phrase", [phrase for pair in KEPT for phrase in pair if "left" in phrase or "right" in phrase]
)
def test_the_mirrored_phrase_says_something_else(phrase: str) -> None:
    mirrored = phrase.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
    assert what_is_changed(phrase, mirrored) in ("side", "order")
