"""The compiled loops. They know no user option: `gradfast.evaluators` and the operators above call them."""
