"""Rotations, kinematics and clips: pure computation on tensors."""
