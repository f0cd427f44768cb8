"""From a space and a table to a verdict: data, engines, trainers, evidence, and the loop that ties them."""
