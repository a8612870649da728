"""The query service: answers REST requests about stored logs. It only reads the database."""
