"""Where networks are trained: threads, worker processes, a Ray cluster, and the population of lanes."""
