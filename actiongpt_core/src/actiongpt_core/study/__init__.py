"""The paper's question as an experiment: a grid of settings, measured, compared, and shown on one page."""
