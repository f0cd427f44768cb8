"""The saved model: packaged, loaded, asked for predictions, described on its card."""
