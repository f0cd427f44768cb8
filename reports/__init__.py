"""Reports: tables, then plots, then one page. Reads run folders through the store; trains nothing, loads no TensorFlow."""
