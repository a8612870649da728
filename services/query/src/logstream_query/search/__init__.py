"""Finds and counts records within a budget of time, a limited number of requests at once. It knows neither HTTP nor SQL."""
