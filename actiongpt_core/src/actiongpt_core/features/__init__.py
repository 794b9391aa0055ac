"""Motion to and from the (T, F) array that a network sees."""
