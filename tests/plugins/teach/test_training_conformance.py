from actiongpt_core.testing.training import TrainingRecipeSuite
from actiongpt_core.training.recipe import TrainingRecipe
from actiongpt_teach.training import TeachRecipe


class TestTeachRecipe(TrainingRecipeSuite):
    def build_recipe(self) -> TrainingRecipe:
        return TeachRecipe()
