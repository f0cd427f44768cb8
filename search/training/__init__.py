"""Trainers: points and matrices in, trained candidates out. The Keras one is the reference."""
