#!/bin/sh
# Run once by PostgreSQL's image, on an empty volume: the role of the workers, which owns nothing, so that row-level security holds it.
psql --no-psqlrc --set ON_ERROR_STOP=1 --set word="$(cat "$POSTGRES_PASSWORD_FILE")" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE hedgebridge LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'word';
SQL
