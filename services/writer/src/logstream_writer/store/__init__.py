"""Everything that speaks to PostgreSQL; no other module of the writer imports psycopg or alembic."""
