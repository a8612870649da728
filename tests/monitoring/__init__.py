"""Tests of what operators see: alerts, dashboards, and the metrics that both are made of."""
