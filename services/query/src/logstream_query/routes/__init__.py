"""The HTTP routes, one module for each, with their response formats, their errors and the OpenAPI document."""
