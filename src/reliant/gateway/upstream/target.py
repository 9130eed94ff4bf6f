"""One upstream as the hot path uses it: its pool, its health, and what it wants to be sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from reliant.gateway.api.answers import Headers
from reliant.gateway.api.surface import Endpoint
from reliant.gateway.config import Breaker, Upstream
from reliant.gateway.upstream.alike import passed_on
from reliant.gateway.upstream.bedrock import Signer
from reliant.gateway.upstream.client import UpstreamFailure
from reliant.gateway.upstream.health import Health
from reliant.gateway.upstream.pool import Pool, tls_context

if TYPE_CHECKING:
    import ssl

_FORWARDED = frozenset(
    {
        b"accept",
        b"anthropic-beta",
        b"anthropic-dangerous-direct-browser-access",
        b"anthropic-version",
        b"idempotency-key",
        b"openai-beta",
        b"openai-organization",
        b"openai-project",
        b"traceparent",
        b"tracestate",
        b"user-agent",
        b"x-client-request-id",
        b"x-request-id",
    }
)
"""Headers of a caller that a provider may see, and `x-stainless-*`. Cookies, keys and addresses stay here."""

_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NAMES_KEPT = 1_000
ANTHROPIC_VERSION = b"2023-06-01"


_KNOWN: dict[bytes, bool] = {}


def _goes_on(name: bytes) -> bool:
    """Say whether a provider may see a caller's header of this name."""
    found = _KNOWN.get(name)
    if found is None:
        found = name in _FORWARDED or name.startswith(b"x-stainless-")
        if len(_KNOWN) < _NAMES_KEPT:
            _KNOWN[name] = found
    return found


class Target:
    """An upstream, ready."""

    def __init__(
        self, config: Upstream, secret: str | None, breaker: Breaker, env: Mapping[str, str] | None = None
    ) -> None:
        """Make it ready; nothing is opened before the first request.

        Raises:
            ValueError: A header holds a control character.
            UsageError: A Bedrock upstream has no credentials in `env`.
        """
        url = urlsplit(config.base_url)
        self.name = config.name
        self.config = config
        self.health = Health(breaker)
        self.host = url.hostname or ""
        self.port = url.port or (443 if url.scheme == "https" else 80)
        self.tls: ssl.SSLContext | None = tls_context(config.ca_file) if url.scheme == "https" else None
        self._base = url.path.rstrip("/")
        netloc = url.netloc.encode("idna" if not url.netloc.isascii() else "ascii")
        self._own = frozenset(name.lower().encode() for name in config.headers)
        self._fixed = self._fixed_headers(netloc, secret)
        self._deployments = config.api == "azure" and "/openai/v1" not in self._base
        self._origin = f"{url.scheme}://{url.netloc}"
        self._signer: Signer | None = None
        if config.api.startswith("bedrock") and secret is None:
            self._signer = Signer(config.region or "", env or {}, usual=config.aws_credentials == "usual")
        self._pool: Pool | None = None
        self._minute = -1
        self._in_minute = 0

    def _fixed_headers(self, netloc: bytes, secret: str | None) -> bytes:
        lines = [b" HTTP/1.1\r\nhost: " + netloc, b"accept-encoding: identity"]
        if secret is not None:
            key = secret.encode("latin-1")
            if self.config.api == "azure":
                lines.append(b"api-key: " + key)
            elif self.config.api == "anthropic":
                lines.append(b"x-api-key: " + key)
            else:
                lines.append(b"authorization: Bearer " + key)
        lines += [f"{name.lower()}: {value}".encode("latin-1") for name, value in self.config.headers.items()]
        for line in lines[1:]:
            if _BAD_VALUE.search(line):
                raise ValueError(f"a header of upstream {self.name!r} holds a control character")
        return b"\r\n".join(lines) + b"\r\n"

    def adopt(self, other: Target) -> None:
        """Take over the connections and the health of the same upstream in the configuration before."""
        self.health = other.health
        if (other.host, other.port, other.config.ca_file) == (self.host, self.port, self.config.ca_file):
            self._pool, other._pool = other._pool, None

    @property
    def pool(self) -> Pool:
        """The connections; made on first use, within the running loop."""
        if self._pool is None:
            self._pool = Pool(
                self.host,
                self.port,
                tls=self.tls,
                connect_s=self.config.connect_s,
                limit=self.config.max_connections,
            )
        return self._pool

    def has_room(self, now: float) -> bool:
        """Count a request against the upstream's own rate; False if it is used up for this minute."""
        limit = self.config.requests_per_minute
        if limit is None:
            return True
        minute = int(now) // 60
        if minute != self._minute:
            self._minute, self._in_minute = minute, 0
        if self._in_minute >= limit:
            return False
        self._in_minute += 1
        return True

    def path(self, endpoint: Endpoint, suffix: str, model: str, query: bytes) -> bytes:
        """Return the request target for `suffix`, the path after /v1."""
        path = self._base + suffix
        if self._deployments:
            deployment = quote(model, safe="")
            path = f"{self._base}/openai"
            path += f"/deployments/{deployment}{suffix}" if endpoint.body != "none" and model else suffix
            version = b"api-version=" + (self.config.api_version or "").encode()
            query = query + b"&" + version if query else version
        return path.encode() + (b"?" + query if query else b"")

    def lines(self, headers: Headers) -> bytes:
        """Return those of a caller's headers that may go on, as lines.

        Raises:
            UpstreamFailure: One holds a control character.
        """
        own = self._own
        lines = [b"%b: %b\r\n" % pair for pair in headers if _goes_on(pair[0]) and pair[0] not in own]
        if self.config.api == "anthropic" and not any(name == b"anthropic-version" for name, _ in headers):
            lines.append(b"anthropic-version: " + ANTHROPIC_VERSION + b"\r\n")
        block = b"".join(lines)
        if _CONTROL.search(block) or block.count(b"\n") != len(lines) or block.count(b"\r") != len(lines):
            raise UpstreamFailure("protocol", "a header of the caller cannot be passed on", sent=False)
        return block

    def head(self, method: bytes, path: bytes, lines: bytes, content_type: bytes | None) -> bytes:
        """Return the head of a request with the caller's `lines`, without the empty line at its end.

        Without a content type it is whole; else the digits of the length are still to come.

        Raises:
            UpstreamFailure: The content type holds a control character.
        """
        if content_type is None:
            return b"%b %b%b%b" % (method, path, self._fixed, lines)
        if _BAD_VALUE.search(content_type):
            raise UpstreamFailure("protocol", "the content type cannot be passed on", sent=False)
        own = b"content-type: %b\r\ncontent-length: " % content_type
        return b"%b %b%b%b%b" % (method, path, self._fixed, lines, own)

    @property
    def signs(self) -> bool:
        """Whether this upstream asks for a signature of each request."""
        return self._signer is not None

    def signed(self, head: bytes, method: bytes, path: bytes, content_type: bytes, body: bytes) -> bytes:
        """Return the head with a signature where this upstream asks for one."""
        if self._signer is None:
            return head
        lines = self._signer.headers(method.decode(), self._origin + path.decode(), content_type, body)
        return head[:-2] + lines + b"\r\n"

    def close(self) -> None:
        """Close idle connections; busy ones close when their answers end."""
        if self._pool is not None:
            self._pool.close()


__all__ = ["Target", "UpstreamFailure", "passed_on"]
