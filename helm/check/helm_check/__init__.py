"""Checks the Helm chart of logstream without a cluster. It knows the chart's files alone and must not need a network."""
