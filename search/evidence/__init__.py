"""What supports the answer: metrics, the sealed test, intervals."""
