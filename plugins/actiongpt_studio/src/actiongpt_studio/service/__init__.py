"""The HTTP service: `actiongpt serve`, or `build_app` for a server of your own."""
