"""From a file to matrices: reading, column kinds, the task, splits, preprocessing."""
