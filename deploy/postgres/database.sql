-- The database of the split deployment: run by a superuser, as often as one likes.
--   psql -v secrets=/etc/newel/secrets -f database.sql postgres
-- One role and one schema for each service that has tables. Nobody sees another's schema.

\set ON_ERROR_STOP on
SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = 'newel') AS missing \gset
\if :missing
  CREATE DATABASE newel ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
\endif
\connect newel
REVOKE ALL ON DATABASE newel FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

\set service registration
\ir role.sql
\set service issuing
\ir role.sql
\set service validation
\ir role.sql
\set service inventory
\ir role.sql
\set service alerting
\ir role.sql
\set service dashboard
\ir role.sql
