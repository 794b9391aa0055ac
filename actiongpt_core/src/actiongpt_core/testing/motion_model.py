"""The conformance suite of a backbone: subclass it in a test module and say how the model is built."""

from __future__ import annotations

from actiongpt_core.testing.motion_model_chance import ChanceTests
from actiongpt_core.testing.motion_model_input import InputTests
from actiongpt_core.testing.motion_model_output import MotionTests


class MotionModelSuite(MotionTests, ChanceTests, InputTests):
    """What every backbone promises.

    Subclass it, name the class `Test...`, and set `backbone`, or write `build_model`; tiny random weights are enough.

    Attributes:
        backbone: Name under which the model is registered; what its plugin declares is then compared with the claims
            below, and without `build_model` it is built as users build it. None for a model that is not registered.
        checkpoint: Folder that it is then built from; None for what the plugin ships.
        text_dim: C of the features that the model is given, for a model without `text_encoder`.
        takes_any_width: True for a model to which C does not matter; others refuse features of another width.
        lengths: Frames of each action of the sequence that is generated.
        supports_sequences: False for a model of one action at a time; True goes with the capability "sequence".
        is_generative: False for a model that draws no noise, so that all seeds give one motion; it goes with the
            capability "deterministic".
    """
