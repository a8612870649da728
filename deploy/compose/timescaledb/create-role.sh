#!/bin/sh
# Run once, when the volume is new: makes the role that logstream's services use the owner of their database. The role is no
# superuser, therefore the extension is created here, and the group of those who only read (docs/sql.md).
set -eu
psql --no-psqlrc --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set ON_ERROR_STOP=1 --set password="$LOGSTREAM_DATABASE_PASSWORD" --set database="$POSTGRES_DB" <<'SQL'
CREATE EXTENSION IF NOT EXISTS timescaledb;
CREATE ROLE logstream LOGIN PASSWORD :'password';
CREATE ROLE logstream_readonly NOLOGIN;
ALTER DATABASE :"database" OWNER TO logstream;
SQL
