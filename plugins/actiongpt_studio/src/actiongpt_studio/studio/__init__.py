"""The studio: type a text, look at the motion, save it."""
