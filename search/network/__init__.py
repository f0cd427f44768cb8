"""A network: its topology, its point in the space, its head, its weights and its Keras model."""
