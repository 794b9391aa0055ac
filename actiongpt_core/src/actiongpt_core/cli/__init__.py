"""The `actiongpt` command."""
