"""JSON Web Tokens, written by hand so that they can be wrong in every way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def forge(
    claims: Mapping[str, Any], key: str, algorithm: str = "HS256", header: Mapping[str, Any] | None = None
) -> str:
    """A token of these claims in this order; with the algorithm `none` it has no signature."""
    head = {"alg": algorithm, "typ": "JWT"} if header is None else dict(header)
    signed = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return f"{signed}.{encode(signature(signed, key, algorithm))}"


def signature(signed: str, key: str, algorithm: str) -> bytes:
    if algorithm == "none":
        return b""
    return hmac.new(key.encode(), signed.encode(), HASHES[algorithm]).digest()


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decode(token.split(".")[1]))
    return found


def head(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decode(token.split(".")[0]))
    return found


def live(account: int, **changes: Any) -> dict[str, Any]:
    """The claims of a login, with changes; a claim that is None is left out."""
    now = int(time.time())
    made = {"exp": now + 2_592_000, "iat": now - 1, "sub": str(account), **changes}
    return {name: value for name, value in made.items() if value is not None}
