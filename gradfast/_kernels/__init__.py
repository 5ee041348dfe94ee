"""The compiled loops. They know no user option: see ``gradfast.classic`` for how they are called."""
