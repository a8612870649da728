"""The query service: answers REST questions about stored logs. It only reads the database."""
