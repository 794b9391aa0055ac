from actiongpt_core.testing.training import TrainingRecipeSuite
from actiongpt_core.training.recipe import TrainingRecipe
from actiongpt_temos.training import TemosRecipe


class TestTemosRecipe(TrainingRecipeSuite):
    def build_recipe(self) -> TrainingRecipe:
        return TemosRecipe()
