"""The HTTP side: routes, parameters, and error responses."""
