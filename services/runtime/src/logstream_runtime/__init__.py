"""How a logstream process lives: configuration, logging, signals, health, metrics, retries. It must know nothing of logs."""
