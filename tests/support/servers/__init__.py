"""Real servers for the tests, and small ones that stand between them and the code."""
