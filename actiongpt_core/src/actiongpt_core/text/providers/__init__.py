"""The language-model providers that ship with the core."""
