"""Checks the Helm chart of logstream without a cluster. It uses only the chart's files and must not need a network."""
