"""The stack without Docker: a private Debian root for the servers, a supervisor for everything that runs.

Standard library only, because it runs before any environment exists. It never touches servers the host has of its own.
"""
