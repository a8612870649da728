"""The dashboards, a module each, as data; rendering makes Grafana's JSON of them."""
