"""Published face regressors (DECA, EMOCA, SMIRK) run on weights that the user supplies."""
