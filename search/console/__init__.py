"""What a terminal shows: the live display, lines of a run, lines of a study."""
