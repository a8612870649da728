#!/bin/sh
# Runs once, when the volume is new: creates the role that logstream's services use, and makes it the owner of their database. The
# role is not a superuser, so the extension and the group of read-only users (docs/sql.md) are created here.
set -eu
psql --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set ON_ERROR_STOP=1 --set password="$LOGSTREAM_DATABASE_PASSWORD" --set database="$POSTGRES_DB" <<'SQL'
CREATE EXTENSION IF NOT EXISTS timescaledb;
CREATE ROLE logstream LOGIN PASSWORD :'password';
CREATE ROLE logstream_readonly NOLOGIN;
ALTER DATABASE :"database" OWNER TO logstream;
SQL
