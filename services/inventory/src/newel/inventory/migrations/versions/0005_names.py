"""An index of certificates by each of their names, kept by the database, and one by common name."""

from alembic import op

revision = "0005"
down_revision = "0004"

# A name of more than 512 characters is found by its first 512: an index of PostgreSQL holds no more
# than 2,700 octets. SQLite reads the names of a row as a JSON array. Backslashes first get the one
# spelling that holds no other escape, so that "\n" is a line's end wherever it stands; what is no
# JSON even so has no names.
_JSON = (
    r"""'[' || replace(replace(json_quote(lower({0}.names)), '\\', '\u005c'), '\n', '","') || ']'"""
)
_SQLITE_NAMES = f"""
    INSERT OR IGNORE INTO certificate_names
    SELECT substr(each.value, 1, 512), {{0}}.serial
    FROM {{1}}json_each(CASE WHEN json_valid({_JSON}) THEN {_JSON} ELSE '[]' END) AS each
    WHERE each.value <> \'\'"""  # noqa: S608 - constants
_SQLITE = (
    """CREATE TABLE certificate_names (
        name TEXT NOT NULL, serial BLOB NOT NULL, PRIMARY KEY (name, serial)) WITHOUT ROWID""",
    f"""CREATE TRIGGER certificates_have_names AFTER INSERT ON certificates
        BEGIN {_SQLITE_NAMES.format("NEW", "")}; END""",
    _SQLITE_NAMES.format("c", "certificates c, "),
)
_POSTGRESQL_NAMES = """
    INSERT INTO certificate_names
    SELECT left(name, 512), serial FROM {0}, unnest(string_to_array(lower(names), chr(10))) AS name
    WHERE name <> \'\' ON CONFLICT DO NOTHING"""
_POSTGRESQL = (
    """CREATE TABLE certificate_names (
        name TEXT NOT NULL, serial BYTEA NOT NULL, PRIMARY KEY (name, serial))""",
    f"""CREATE FUNCTION index_certificate_names() RETURNS trigger LANGUAGE plpgsql AS
        $body$ BEGIN {_POSTGRESQL_NAMES.format("fresh")}; RETURN NULL; END $body$""",
    """CREATE TRIGGER certificates_have_names AFTER INSERT ON certificates
        REFERENCING NEW TABLE AS fresh
        FOR EACH STATEMENT EXECUTE FUNCTION index_certificate_names()""",
    _POSTGRESQL_NAMES.format("certificates"),
)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if is_sqlite else _POSTGRESQL:
        op.get_bind().exec_driver_sql(statement)
    op.create_index("certificates_common_name", "certificates", ["common_name", "position"])


def downgrade() -> None:
    op.drop_index("certificates_common_name", "certificates")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER certificates_have_names")
    else:
        op.execute("DROP TRIGGER certificates_have_names ON certificates")
        op.execute("DROP FUNCTION index_certificate_names()")
    op.drop_table("certificate_names")
