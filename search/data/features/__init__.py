"""From columns to the matrix that networks and baselines read, learnt from training rows alone."""
