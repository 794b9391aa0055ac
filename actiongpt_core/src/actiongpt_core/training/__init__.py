"""Training loops around motion models, through Lightning (extra: train)."""
