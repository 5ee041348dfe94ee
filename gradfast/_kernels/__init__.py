"""The compiled code. Operators know the plain case of each option; loops and evaluators know no option of users."""
