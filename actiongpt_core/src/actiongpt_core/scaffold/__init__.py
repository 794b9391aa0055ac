"""New plugin packages, written from templates: `actiongpt plugins new`."""
