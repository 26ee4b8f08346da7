"""A token issuer on this machine: RS256 keys behind OpenID Connect's discovery. Must not know routes or functions."""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from infra.local.postgres import free_port

AUDIENCE: Final = "bandit-selector"
KEY_ID: Final = "local"
LIFETIME: Final = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Issuer:
    """Signs the tokens of one installation; key and port survive restarts."""

    port: int
    key: rsa.RSAPrivateKey

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def mint(self, subject: str, now: datetime, scope: str = "", lifetime: timedelta = LIFETIME) -> str:
        """A signed token for `subject`; `scope` is a list of words separated by spaces."""
        claims = {
            "iss": self.url,
            "sub": subject,
            "aud": AUDIENCE,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": str(uuid4()),
            **({"scope": scope} if scope else {}),
        }
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KEY_ID})

    def keys(self) -> dict[str, Any]:
        """The public half, as a JSON Web Key Set."""
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answers discovery and keys, open to every origin; everything else is 404."""
        documents = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/jwks.json",
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
            },
            "/jwks.json": self.keys(),
        }
        found = documents.get(request.path)
        headers = {"Access-Control-Allow-Origin": "*"}
        return web.json_response(found or {"error": "not_found"}, status=200 if found else 404, headers=headers)


def issuer(folder: Path) -> Issuer:
    """The issuer of `folder`, which keeps its key and port; both are made at first use."""
    folder.mkdir(parents=True, exist_ok=True)
    key_file, port_file = folder / "issuer.pem", folder / "issuer.port"
    if not key_file.exists():
        _write_secret(key_file, _new_key())
    if not port_file.exists():
        port_file.write_text(str(free_port()))
    key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{key_file} holds no RSA key; delete it.")
    return Issuer(int(port_file.read_text()), key)


def issuer_with_free_port(folder: Path) -> Issuer:
    """The same; on another port if the kept one is taken."""
    kept = issuer(folder)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", kept.port))
        except OSError:
            (folder / "issuer.port").unlink()
    return issuer(folder)


def _new_key() -> bytes:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_secret(file: Path, content: bytes) -> None:
    draft = file.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.rename(file)
