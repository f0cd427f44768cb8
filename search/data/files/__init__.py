"""From a file, an address or a frame to a table of texts: encodings, delimiters, formats."""
