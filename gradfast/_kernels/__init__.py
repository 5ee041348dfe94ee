"""The compiled loops. They know no user option: see ``gradfast.textbook`` for how they are called."""
