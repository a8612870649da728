"""Filters: how they are read from a URL, what they mean, and the trigrams that find texts fast."""
