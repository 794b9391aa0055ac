"""A backbone that answers every text with a swaying body, and a provider that repeats the phrase."""
