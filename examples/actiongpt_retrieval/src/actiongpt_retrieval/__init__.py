"""Retrieval, a backbone of actiongpt-core without a network: the clip with the nearest text answers."""
