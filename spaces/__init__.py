"""Space files: what may be searched, on which data, how long; checked whole before anything runs."""
