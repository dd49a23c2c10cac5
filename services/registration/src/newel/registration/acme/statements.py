"""The SQL statements of ACME."""

from newel.registration.acme.rates import require_room
from newel.runtime.database.contract import Statement

ADD_SECRET = Statement(
    "INSERT INTO acme_secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING"
)
SECRET = Statement("SELECT value FROM acme_secrets WHERE name = $1")

# ---------------------------------------------------------------- nonces: the gate of every request
USE_NONCE = Statement(
    "INSERT INTO acme_nonces (nonce) VALUES ($1) ON CONFLICT DO NOTHING RETURNING nonce"
)
# The account's state is asked in the same statement, so that a deactivation or a new key on any
# replica stops processes that still have the account in their cache.
USE_NONCE_OF_ACCOUNT = Statement("""
    INSERT INTO acme_nonces (nonce)
    SELECT $1 FROM acme_accounts WHERE id = $2 AND thumbprint = $3 AND status = 'valid'
    ON CONFLICT DO NOTHING RETURNING nonce""")
# For a unit whose order counts for rates, which are read and written by one after another.
USE_NONCE_ALONE = Statement(USE_NONCE_OF_ACCOUNT.text, alone=True)
# The same for what an account asks to prove: of accounts whose validations failed more than $6 times since
# $4, the request is looked at more closely first.
USE_NONCE_UNLESS_FAILING = Statement("""
    INSERT INTO acme_nonces (nonce)
    SELECT $1 FROM acme_accounts WHERE id = $2 AND thumbprint = $3 AND status = 'valid'
        AND NOT EXISTS (SELECT 1 FROM acme_authorizations z
            WHERE z.account = $2 AND z.status = 'invalid' AND z.claimed_at > $4
                AND z.claimed_at <= $5 AND z.error IS NOT NULL LIMIT 1 OFFSET $6)
    ON CONFLICT DO NOTHING RETURNING nonce""")
USE_NONCE_UNLESS_FAILING_ALONE = Statement(USE_NONCE_UNLESS_FAILING.text, alone=True)
OLD_NONCES = Statement("SELECT nonce FROM acme_nonces WHERE nonce < $1 ORDER BY nonce LIMIT $2")
DELETE_NONCES = Statement("DELETE FROM acme_nonces WHERE nonce <= $1")

# ---------------------------------------------------------------- accounts
_ACCOUNT = """
    SELECT id, provisioner, thumbprint, jwk, contact, status, terms_agreed FROM acme_accounts """
ACCOUNT = Statement(_ACCOUNT + "WHERE id = $1 AND provisioner = $2")
ACCOUNT_OF_KEY = Statement(_ACCOUNT + "WHERE thumbprint = $1 AND provisioner = $2")
ADD_ACCOUNT = Statement("""
    INSERT INTO acme_accounts (id, provisioner, thumbprint, jwk, contact, status, terms_agreed,
        external_key, created_at)
    VALUES ($1, $2, $3, $4, $5, 'valid', $6, NULL, $7) ON CONFLICT DO NOTHING""")
# A key binds as many accounts as it may. Its row is locked first, so that those who count see each other's;
# the last account stands in the key. One that another program has bound may have no account here.
LOCK_EXTERNAL_KEY = Statement("UPDATE acme_external_keys SET account = account WHERE id = $1")
ADD_BOUND_ACCOUNT = Statement("""
    INSERT INTO acme_accounts (id, provisioner, thumbprint, jwk, contact, status, terms_agreed,
        external_key, created_at)
    SELECT $1, $2, $3, $4, $5, 'valid', $6, k.id, $7 FROM acme_external_keys k
    WHERE k.id = $8 AND k.provisioner = $2 AND k.removed_at IS NULL
        AND (k.ends_at IS NULL OR k.ends_at > $7) AND (k.account IS NULL OR k.most_accounts > 1)
        AND (SELECT count(*) FROM acme_accounts a WHERE a.external_key = $8)
            < coalesce(k.most_accounts, 1)
    ON CONFLICT DO NOTHING""")
NOTE_BOUND_ACCOUNT = Statement("""
    UPDATE acme_external_keys SET account = $2, bound_at = $3
    WHERE id = $1 AND EXISTS (SELECT 1 FROM acme_accounts a WHERE a.id = $2)""")
# Accounts and keys of another program, which keep their ids.
FOREIGN_ACCOUNT = Statement(
    "SELECT id FROM acme_accounts WHERE id = $1 OR (thumbprint = $2 AND provisioner = $3)"
)
ADD_FOREIGN_ACCOUNT = Statement("""
    INSERT INTO acme_accounts (id, provisioner, thumbprint, jwk, contact, status, terms_agreed,
        external_key, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, '', NULL, $7) ON CONFLICT DO NOTHING RETURNING id""")
ADD_FOREIGN_KEY = Statement("""
    INSERT INTO acme_external_keys (id, provisioner, reference, mac_key, account, created_at, bound_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id""")
BIND_FOREIGN_ACCOUNT = Statement("UPDATE acme_accounts SET external_key = $2 WHERE id = $1")
SET_CONTACT = Statement("UPDATE acme_accounts SET contact = $2 WHERE id = $1")
DEACTIVATE_ACCOUNT = Statement(
    "UPDATE acme_accounts SET status = 'deactivated' WHERE id = $1 AND status = 'valid'"
)
CANCEL_ORDERS = Statement("""
    UPDATE acme_orders SET status = 'invalid' WHERE account = $1 AND id >= $2 AND status = 'pending'""")
# $2 the new thumbprint, $4 the old one: of two rollovers that race, one finds its old key in place
CHANGE_KEY = Statement("""
    UPDATE acme_accounts SET thumbprint = $2, jwk = $3
    WHERE id = $1 AND thumbprint = $4 AND status = 'valid' AND NOT EXISTS (
        SELECT 1 FROM acme_accounts o WHERE o.thumbprint = $2 AND o.provisioner = $5)""")

EXTERNAL_KEY = Statement("""
    SELECT k.mac_key, k.account, coalesce(k.most_accounts, 1),
        (SELECT count(*) FROM acme_accounts a WHERE a.external_key = k.id), k.ends_at
    FROM acme_external_keys k WHERE k.id = $1 AND k.provisioner = $2 AND k.removed_at IS NULL""")

# ---------------------------------------------------------------- orders
ADD_ORDER = Statement("""
    INSERT INTO acme_orders (id, account, identifiers, status, not_before, not_after, expires_at,
        requested, replaces, profile, authorizations)
    VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10)""")
ADD_AUTHORIZATION = Statement("""
    INSERT INTO acme_authorizations (order_id, position, account, type, value, wildcard, status,
        expires_at, seed, validated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $9, $7, $8, $10)""")
# The place of an identifier whose authorization is not of this order alone, but the one of the id $7.
ADD_LINK = Statement("""
    INSERT INTO acme_authorizations (order_id, position, account, type, value, wildcard, status,
        expires_at, seed, source)
    VALUES ($1, $2, $3, $4, $5, $6, 'linked', $8, $9, $7)""")


def _count_authorizations(status: str) -> str:
    """Return the count of an order's authorizations of a status: its own, and those that it is linked to."""
    own = "SELECT count(*) FROM acme_authorizations a"
    return f"""({own} WHERE a.order_id = o.id AND a.status = '{status}')
        + CASE WHEN o.authorizations IS NULL THEN 0 ELSE ({own}
            JOIN acme_authorizations s ON s.order_id = a.source AND s.position = 0
            WHERE a.order_id = o.id AND a.status = 'linked' AND s.status = '{status}') END"""


ORDER = Statement(f"""
    SELECT o.id, o.account, o.identifiers, o.status, o.not_before, o.not_after, o.expires_at,
        o.requested, o.claim, o.error, o.replaces, o.profile, o.authorizations,
        {_count_authorizations("valid")},
        {_count_authorizations("pending")}
    FROM acme_orders o WHERE o.id = $1 AND o.account = $2""")  # noqa: S608 - constants
ORDERS = Statement("SELECT id FROM acme_orders WHERE account = $1 AND id > $2 ORDER BY id LIMIT $3")
CERTIFICATE = Statement("""
    SELECT certificate, issuer FROM acme_orders
    WHERE id = $1 AND account = $2 AND status = 'valid'""")
FINALIZED = Statement("""
    SELECT csr, certificate FROM acme_orders
    WHERE id = $1 AND account = $2 AND status IN ('processing', 'valid')""")
# The same where rates decide whether the order is placed: the other rows follow the order's.
ADD_ORDER_WITHIN_RATES = Statement(f"""
    INSERT INTO acme_orders (id, account, identifiers, status, not_before, not_after, expires_at,
        requested, replaces, profile, authorizations)
    SELECT $1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10
    WHERE {require_room(11)}""")
_OF_ORDER = "WHERE EXISTS (SELECT 1 FROM acme_orders o WHERE o.id = $1)"
ADD_AUTHORIZATION_OF_ORDER = Statement(f"""
    INSERT INTO acme_authorizations (order_id, position, account, type, value, wildcard, status,
        expires_at, seed, validated_at)
    SELECT $1, $2, $3, $4, $5, $6, $9, $7, $8, $10 {_OF_ORDER}""")
ADD_LINK_OF_ORDER = Statement(f"""
    INSERT INTO acme_authorizations (order_id, position, account, type, value, wildcard, status,
        expires_at, seed, source)
    SELECT $1, $2, $3, $4, $5, $6, 'linked', $8, $9, $7 {_OF_ORDER}""")
# $6 the thumbprint of the CSR's key, which must be no account's (RFC 8555 §11.1)
BEGIN_FINALIZE = Statement("""
    UPDATE acme_orders SET status = 'processing', csr = $3, claim = $4, claimed_at = $5
    WHERE id = $1 AND account = $2 AND status = 'pending' AND expires_at > $5
        AND NOT EXISTS (SELECT 1 FROM acme_authorizations a
            WHERE a.order_id = $1 AND a.status <> 'valid' AND NOT (a.status = 'linked' AND EXISTS (
                SELECT 1 FROM acme_authorizations s
                WHERE s.order_id = a.source AND s.position = 0 AND s.status = 'valid')))
        AND NOT EXISTS (SELECT 1 FROM acme_accounts k WHERE k.thumbprint = $6)""")
BEGIN_FINALIZE_WITHIN_RATE = Statement(f"{BEGIN_FINALIZE.text} AND {require_room(7, 1)}")
IS_ACCOUNT_KEY = Statement("SELECT 1 FROM acme_accounts WHERE thumbprint = $1 LIMIT 1")
TAKE_OVER = Statement("""
    UPDATE acme_orders SET claim = $2, claimed_at = $3, tries = tries + 1
    WHERE id = $1 AND claim = $4 AND status = 'processing' RETURNING id""")
PUT_OFF = Statement("""
    UPDATE acme_orders SET claimed_at = $3
    WHERE id = $1 AND claim = $2 AND status = 'processing'""")
COMPLETE_ORDER = Statement("""
    UPDATE acme_orders SET status = 'valid', certificate = $2, issuer = $3, issued_at = $4,
        ends_at = $5, csr = NULL
    WHERE id = $1 AND status = 'processing'""")
REOPEN_ORDER = Statement("""
    UPDATE acme_orders SET status = 'pending', claim = NULL, claimed_at = NULL, csr = NULL, tries = 0
    WHERE id = $1 AND claim = $2 AND status = 'processing' RETURNING id""")
FAIL_ORDER = Statement("""
    UPDATE acme_orders SET status = 'invalid', error = $3, csr = NULL
    WHERE id = $1 AND claim = $2 AND status = 'processing' RETURNING id""")
_CLAIM = """
    SELECT o.id, o.account, a.provisioner, o.identifiers, o.not_before, o.not_after, o.csr, o.claim,
        o.tries, o.replaces, o.profile
    FROM acme_orders o JOIN acme_accounts a ON a.id = o.account
    WHERE o.status = 'processing' AND (o.claimed_at < $1 OR o.claimed_at - $2 > $2 - $1)
        AND o.expires_at > $2 """
LOST_CLAIMS = Statement(_CLAIM + "ORDER BY o.claimed_at LIMIT $3")
LOST_CLAIM = Statement(_CLAIM + "AND o.id = $3")
OLD_ORDERS = Statement("SELECT id FROM acme_orders WHERE id < $1 ORDER BY id LIMIT $2")
OLD_AUTHORIZATIONS = Statement(
    "SELECT order_id FROM acme_authorizations WHERE order_id < $1 ORDER BY order_id LIMIT $2"
)
DELETE_ORDERS = Statement("DELETE FROM acme_orders WHERE id <= $1")
DELETE_SUCCESSORS = Statement("DELETE FROM acme_successors WHERE order_id <= $1")
DELETE_AUTHORIZATIONS = Statement("DELETE FROM acme_authorizations WHERE order_id <= $1")

# ---------------------------------------------------------------- replacements (RFC 9773)
# The successor of a certificate is of one order; another takes its place only when that one failed.
TAKE_SUCCESSION = Statement("""
    INSERT INTO acme_successors (serial, order_id) VALUES ($1, $2)
    ON CONFLICT (serial) DO UPDATE SET order_id = excluded.order_id
    WHERE acme_successors.order_id = excluded.order_id OR NOT EXISTS (
        SELECT 1 FROM acme_orders o
        WHERE o.id = acme_successors.order_id AND o.status IN ('processing', 'valid'))
    RETURNING serial""")
SUCCESSOR = Statement("""
    SELECT 1 FROM acme_successors s JOIN acme_orders o ON o.id = s.order_id
    WHERE s.serial = $1 AND o.status IN ('processing', 'valid')""")

# ---------------------------------------------------------------- what only ever fails
RECENT_FAILURES = Statement("""
    SELECT type, value, claimed_at, error FROM acme_authorizations
    WHERE account = $1 AND status = 'invalid' AND claimed_at > $2 AND claimed_at <= $3
        AND error IS NOT NULL
    ORDER BY claimed_at DESC LIMIT $4""")
HAS_PROVED = Statement("""
    SELECT 1 FROM acme_orders o JOIN acme_authorizations z ON z.order_id = o.id
    WHERE o.account = $1 AND o.id >= $2 AND z.type = $3 AND z.value = $4 AND z.status = 'valid'
        AND z.validated_at >= $5 LIMIT 1""")

# ---------------------------------------------------------------- authorizations
AUTHORIZATION = Statement("""
    SELECT order_id, position, account, type, value, wildcard, status, expires_at, seed, challenge,
        claim, validated_at, error, subdomains
    FROM acme_authorizations
    WHERE order_id = $1 AND position = $2 AND account = $3 AND status <> 'linked'""")
# Those who count the authorizations of an account wait for each other.
LOCK_ACCOUNT = Statement("UPDATE acme_accounts SET status = status WHERE id = $1")
# One that is not of one order. $6: also for the domains below; $7: of use to later orders.
_STANDALONE = """
    INSERT INTO acme_authorizations (order_id, position, account, type, value, wildcard, subdomains,
        preauthorized, status, expires_at, seed, validated_at)
    SELECT $1, 0, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
    WHERE ($13 = 0 OR (SELECT count(*) FROM acme_authorizations p WHERE p.account = $2
        AND p.preauthorized = 1 AND p.status IN ('pending', 'valid') AND p.expires_at > $12) < $13)"""
ADD_STANDALONE = Statement(_STANDALONE)
# One that comes with the order of the id $14, where rates let that be placed.
ADD_STANDALONE_OF_ORDER = Statement(
    f"{_STANDALONE} AND EXISTS (SELECT 1 FROM acme_orders o WHERE o.id = $14)"  # noqa: S608
)
# Those that were valid without a challenge are of no use to other orders: what approved them may end.
PREAUTHORIZATIONS = Statement("""
    SELECT order_id, type, value, subdomains, challenge, expires_at FROM acme_authorizations
    WHERE account = $1 AND preauthorized = 1 AND expires_at > $2 AND status = 'valid'
        AND challenge IS NOT NULL ORDER BY expires_at DESC LIMIT $3""")
BEGIN_ATTEMPT = Statement("""
    UPDATE acme_authorizations SET challenge = $4, claim = $5, claimed_at = $6, payload = $7
    WHERE order_id = $1 AND position = $2 AND account = $3 AND status = 'pending'
        AND challenge IS NULL AND expires_at > $6
        AND (wildcard = 0 OR $4 IN ('dns-01', 'dns-account-01', 'dns-persist-01'))
        AND (type = 'dns' OR $4 NOT IN ('dns-01', 'dns-account-01', 'dns-persist-01'))
        AND (type = 'permanent-identifier') = ($4 = 'device-attest-01')""")
# The account's key is compared again: a proof made for a key that was replaced proves nothing.
END_ATTEMPT = Statement("""
    UPDATE acme_authorizations SET status = $4, validated_at = $5, error = $6, attested_key = $8
    WHERE order_id = $1 AND position = $2 AND claim = $3 AND status = 'pending'
        AND EXISTS (SELECT 1 FROM acme_accounts a
            WHERE a.id = account AND a.status = 'valid' AND a.thumbprint = $7)""")
RETAKE_ATTEMPT = Statement("""
    UPDATE acme_authorizations SET claim = $3, claimed_at = $4, tries = tries + 1
    WHERE order_id = $1 AND position = $2 AND claim = $5 AND status = 'pending'
    RETURNING order_id""")
DEACTIVATE_AUTHORIZATION = Statement("""
    UPDATE acme_authorizations SET status = 'deactivated'
    WHERE order_id = $1 AND position = $2 AND account = $3 AND status IN ('pending', 'valid')""")
LOST_ATTEMPTS = Statement("""
    SELECT z.order_id, z.position, z.type, z.value, z.challenge, z.seed, a.thumbprint, z.claim,
        a.provisioner, z.tries, z.payload, z.wildcard
    FROM acme_authorizations z JOIN acme_accounts a ON a.id = z.account
    WHERE z.status = 'pending' AND z.claimed_at IS NOT NULL
        AND (z.claimed_at < $1 OR z.claimed_at - $2 > $2 - $1)
        AND z.expires_at > $2 AND a.status = 'valid'
    ORDER BY z.claimed_at LIMIT $3""")
ATTESTATION = Statement("""
    SELECT payload, attested_key FROM acme_authorizations
    WHERE order_id = $1 AND position = 0 AND status = 'valid' AND attested_key IS NOT NULL""")
# What each identifier of an order was proved by. A proof of a whole domain is stored as a wildcard's, but
# whether wildcards of it may be issued is a question of the orders that name some.
PROOFS = Statement("""
    SELECT a.position, a.account, a.type, a.value,
        CASE WHEN a.subdomains = 1 THEN 0 ELSE a.wildcard END,
        coalesce(a.challenge, (SELECT s.challenge FROM acme_authorizations s
            WHERE s.order_id = a.source AND s.position = 0))
    FROM acme_authorizations a WHERE a.order_id = $1 ORDER BY a.position""")
# why an order is invalid: what each challenge that failed was told
FAILURES = Statement("""
    SELECT a.type, a.value, CASE WHEN a.subdomains = 1 THEN 0 ELSE a.wildcard END, s.error
    FROM acme_authorizations a JOIN acme_authorizations s
        ON s.order_id = coalesce(a.source, a.order_id)
        AND s.position = CASE WHEN a.source IS NULL THEN a.position ELSE 0 END
    WHERE a.order_id = $1 AND s.status = 'invalid' AND s.error IS NOT NULL
    ORDER BY a.position LIMIT $2""")
PROVES = Statement("""
    SELECT 1 FROM acme_orders o JOIN acme_authorizations z ON z.order_id = o.id
    WHERE o.account = $1 AND o.id >= $2 AND z.type = $3 AND z.value = $4 AND z.wildcard = $5
        AND (z.status = 'valid' OR (z.status = 'linked' AND EXISTS (
            SELECT 1 FROM acme_authorizations s
            WHERE s.order_id = z.source AND s.position = 0 AND s.status = 'valid')))
        AND z.expires_at > $6 LIMIT 1""")
