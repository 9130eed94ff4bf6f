"""Starts a gateway: opens the port, then serves on it in one process or in several.

One worker runs in this process. With more, this process only watches them, and all
listen on the same port.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from pathlib import Path

from reliant.errors import ConfigError
from reliant.gateway.admit.knowledge import Knowledge
from reliant.gateway.audit.folder import signing_key
from reliant.gateway.config import Config
from reliant.gateway.process import run_worker
from reliant.gateway.worker import Settings, load

_BACKLOG = 4_096


def _bind(config: Config) -> socket.socket:
    host, port = config.listen.host, config.listen.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        # Who comes before the first worker is ready waits, and is not told that nobody is here.
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        problem = f"cannot listen on {_at(host, port)}: {error.strerror}"
        hint = "Choose another host or port in [listen], or stop what listens there."
        raise ConfigError("[listen]", 0, problem, hint=hint) from None
    sock.set_inheritable(True)
    return sock


def _at(host: str, port: int) -> str:
    """Return host and port as an address has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def serve(settings: Settings) -> int:
    """Serve until told to stop; return the exit code.

    Raises:
        ReliantError: The configuration is wrong, or the port is taken.
    """
    from reliant import atlas  # noqa: PLC0415

    # Read the configuration again: nobody can do that yet, so the wish waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    knowledge = Knowledge(atlas.load())
    text = _text(settings)
    config = load(settings, knowledge)
    sock = _bind(config)
    folder = Path(config.audit.path) if config.audit.path else settings.state / "audit"
    signing_key(folder, config.audit.signing_key)
    host, port = sock.getsockname()[:2]
    where = f"{'https' if config.listen.tls_cert else 'http'}://{_at(host, port)}"
    if config.listen.workers == 1:
        settings.say(f"serving on {where}, log in {folder}")
        return run_worker(settings, config, knowledge, 0, sock)
    settings.say(f"serving on {where} with {config.listen.workers} workers, log in {folder}")
    from reliant.gateway.forking import serve_forked  # noqa: PLC0415 - only with several workers

    return serve_forked(settings, config, text, knowledge, sock)


def _text(settings: Settings) -> bytes:
    """Return the configuration as it is written; nothing where it cannot be read."""
    with contextlib.suppress(OSError):
        return settings.path.read_bytes()
    return b""
