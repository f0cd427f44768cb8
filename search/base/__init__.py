"""What every other part stands on: seeds, numbers, files, the machine, silence, secrets."""
