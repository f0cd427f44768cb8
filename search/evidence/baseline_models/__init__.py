"""What a network has to beat: the dummy, the linear model, boosted trees, each searched as networks are."""
