"""Keyed hashes of personal data: the same value gives the same hash in one shop, and no hash tells its value.

HMAC-SHA256 (RFC 2104). The key comes from the setting `pseudonym_key`, else from a file in the lake that only its
owner reads. Whoever loses the key can no longer refuse the erased; whoever has it can test guesses.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jobs.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import Column

KEY_FILE = ".pseudonym-key"
_BLOCK_BYTES = 64  # of SHA-256


def key_of(settings: Settings) -> bytes:
    """The shop's key; made where there is none yet."""
    if settings.pseudonym_key:
        return settings.pseudonym_key.get_secret_value().encode()
    path = settings.lake / KEY_FILE
    if not path.is_file():
        fresh = path.with_name(f"{KEY_FILE}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):  # of two processes at once the first one's key stays
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text().strip().encode()


def pseudonym(value: str, key: bytes) -> str:
    """The keyed hash of a text, as 64 hexadecimal digits."""
    return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def pseudonym_of_all(values: Iterable[str], key: bytes) -> str:
    """One keyed hash of a set of texts, whatever their order."""
    return pseudonym("\n".join(sorted(pseudonym(value, key) for value in values)), key)


def pseudonym_column(column: "Column", key: bytes) -> "Column":
    """The same hash as an expression of the engine; null stays null."""
    from pyspark.sql import functions as F

    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    inner, outer = (F.unhex(F.lit(bytes(byte ^ pad for byte in block).hex())) for pad in (0x36, 0x5C))
    return F.sha2(F.concat(outer, F.unhex(F.sha2(F.concat(inner, column.cast("binary")), 256))), 256)
