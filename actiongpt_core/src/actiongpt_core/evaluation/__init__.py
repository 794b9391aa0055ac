"""Measures of motions."""
