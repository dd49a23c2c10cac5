"""Functions on base64, base32 and digests: the answers are those of Go 1.26 with sprig 3.3."""

from collections.abc import Callable

import pytest

OUTPUTS = [
    ('{{ b64enc "aé" }}', "YcOp"),
    ('{{ b64dec "YcOp" }}', "aé"),
    ('{{ b64dec "Y Q" }}', "illegal base64 data at input byte 1"),
    ('{{ b64dec "YQ" }}', "illegal base64 data at input byte 0"),
    (r'{{ b64dec "YQ==\n" }}', "a"),
    ('{{ b32enc "a" }}', "ME======"),
    ('{{ b32dec "ME======" }}', "a"),
    ('{{ b32dec "1" }}', "illegal base32 data at input byte 0"),
    ('{{ sha1sum "a" }}', "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
    ('{{ sha256sum "a" }}', "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ('{{ adler32sum "a" }}', "6422626"),
    (
        '{{ sha512sum "" }}',
        (
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318"
            "d2877eec2f63b931bd47417a81a538327af927da3e"
        ),
    ),
    ("{{ len (randBytes 3) }}", "4"),
]


@pytest.mark.parametrize(("text", "output"), OUTPUTS)
def test_outputs(render: Callable[[str], str], text: str, output: str) -> None:
    assert render(text) == output
