"""A studio in the browser and an HTTP service, as commands of `actiongpt`."""
