-- One service (:service): its role, with the password of its file, and its schema. Included by database.sql.

\set file :secrets '/' :service '/database.password'
\set password `cat :'file'`
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'service') AS missing \gset
\if :missing
  CREATE ROLE :"service" NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT;
\endif
ALTER ROLE :"service" LOGIN PASSWORD :'password' CONNECTION LIMIT 100;
GRANT CONNECT ON DATABASE newel TO :"service";
CREATE SCHEMA IF NOT EXISTS :"service" AUTHORIZATION :"service";
REVOKE ALL ON SCHEMA :"service" FROM PUBLIC;
