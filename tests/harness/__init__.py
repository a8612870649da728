"""The black-box test harness: it talks to a running stack over its public addresses. It must never import the product's
code."""
