"""Deeper or wider? Depth against parameters on one table: the protocol, its statistics, its verdict."""
