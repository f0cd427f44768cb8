"""What a cell says: numbers, moments and levels as people write them, and how a whole table was read."""
