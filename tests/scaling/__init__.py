"""What docs/scaling.md rests on: measurements of single parts, and a simulation that puts them together. Not run by a user's
installation."""
