from actiongpt_core.testing.training import TrainingRecipeSuite
from actiongpt_core.training.recipe import TrainingRecipe
from actiongpt_motionclip.training import MotionClipRecipe


class TestMotionClipRecipe(TrainingRecipeSuite):
    def build_recipe(self) -> TrainingRecipe:
        return MotionClipRecipe()
