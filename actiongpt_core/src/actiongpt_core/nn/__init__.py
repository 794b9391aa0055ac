"""Network parts that backbones share."""
