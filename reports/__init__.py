"""Reports: tables, then plots, then one page. They read runs through the store, train nothing, load no TensorFlow."""
