"""What Python users call beside `run`: estimators, hypermodel, import from KerasTuner, a first look at a table."""
