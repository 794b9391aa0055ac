"""Many phrases and many motions: on this machine, or on a Ray cluster."""
