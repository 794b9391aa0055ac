"""A backbone that answers every text with a swaying body, and a provider and a command that repeat the phrase."""
