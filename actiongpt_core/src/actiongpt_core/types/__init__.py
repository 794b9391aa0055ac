"""Data and its checks; no algorithms."""
