"""Every word that people read, by its key: one file a language, and how numbers are written beside them."""
