"""Bodies: where the joints and the surface of a motion are."""
