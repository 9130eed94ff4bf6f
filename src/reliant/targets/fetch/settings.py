"""Where packages come from: what the user's pip and npm are configured for."""

from __future__ import annotations

import configparser
import re
import shlex
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PIP_SECTIONS = ("global", "download", "install")
_PYPI_DEFAULT = "https://pypi.org/simple/"
_VARIABLE = re.compile(r"\$\{(\w+)\??\}")
_MOST_BYTES = 1 << 20


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetcher is told.

    Attributes:
        cache: A folder of the user's; made if it is not there.
        offline: Use only what the cache has.
        index_urls: Simple indexes; none means that only `find_links` are asked.
        find_links: Further pages or folders with archives.
        trusted_hosts: Hosts whose certificate is not checked, by the user's own choice.
        npm_registry: For packages without a scope of their own; empty if none is configured.
        npm_scopes: Registry by scope, for example `@acme`.
        npm_tokens: Token by address without its scheme, for example `//npm.acme.test/`.
        environment: Variables that git is run with.
        insecure_registries: Image registries spoken to by plain HTTP, as `HOST:PORT`.
    """

    cache: Path
    offline: bool = False
    index_urls: tuple[str, ...] = (_PYPI_DEFAULT,)
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    npm_registry: str = ""
    npm_scopes: dict[str, str] = {}
    npm_tokens: dict[str, str] = {}
    environment: dict[str, str] = {}
    insecure_registries: tuple[str, ...] = ()


def read_settings(
    environment: Mapping[str, str], *, home: Path, cache: Path, prefix: Path, offline: bool
) -> Settings:
    """Return the settings of the user's pip and npm; variables win over files, as they do there.

    Args:
        environment: The variables of the process.
        home: The user's home folder.
        cache: Where fetched things are kept.
        prefix: Of the Python environment, which may have its own `pip.conf`.
        offline: Whether the network may be used.
    """
    pip = _pip_options(environment, home, prefix)
    npm = _npm_options(environment, home)
    index_urls = [pip.get("index-url") or _PYPI_DEFAULT, *pip.get("extra-index-url", "").split()]
    if pip.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        index_urls = []
    registry = npm.get("registry", "")
    return Settings(
        cache=cache,
        offline=offline,
        index_urls=tuple(index_urls),
        find_links=tuple(pip.get("find-links", "").split()),
        trusted_hosts=tuple(pip.get("trusted-host", "").split()),
        npm_registry=registry if not registry or registry.endswith("/") else f"{registry}/",
        npm_scopes={
            name.removesuffix(":registry"): url for name, url in npm.items() if name.endswith(":registry")
        },
        npm_tokens={
            name.removesuffix(":_authtoken"): token
            for name, token in npm.items()
            if name.startswith("//") and name.endswith(":_authtoken")
        },
        environment=dict(environment),
    )


def _pip_options(environment: Mapping[str, str], home: Path, prefix: Path) -> dict[str, str]:
    root = type(home)
    files = [root("/etc/pip.conf"), root("/etc/xdg/pip/pip.conf")]
    files += [home / ".pip/pip.conf", home / ".config/pip/pip.conf"]
    files += [home / "Library/Application Support/pip/pip.conf", prefix / "pip.conf"]
    if chosen := environment.get("PIP_CONFIG_FILE"):
        files = [] if chosen == "/dev/null" else [*files, root(chosen)]
    found: dict[str, str] = {}
    for file in files:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(_text(file))
        except configparser.Error:
            continue
        for section in _PIP_SECTIONS:
            if parser.has_section(section):
                found.update(dict(parser.items(section)))
    for name, value in environment.items():
        if name.startswith("PIP_"):
            found[name[4:].lower().replace("_", "-")] = value
    return found


def _npm_options(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    root = type(home)
    chosen = environment.get("npm_config_userconfig") or environment.get("NPM_CONFIG_USERCONFIG")
    found: dict[str, str] = {}
    for file in (root("/etc/npmrc"), root("/usr/etc/npmrc"), root(chosen) if chosen else home / ".npmrc"):
        found.update(_npmrc(_text(file), environment))
    for name, value in environment.items():
        if name.lower().startswith("npm_config_"):
            found[name[11:].lower()] = value
    return found


def _npmrc(text: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not equals or line.lstrip().startswith(("#", ";")):
            continue
        value = _VARIABLE.sub(lambda found: environment.get(found[1], ""), value.strip())
        if value.startswith(('"', "'")):
            value = "".join(shlex.split(value)[:1])
        yield name.strip().lower(), value


def _text(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return content.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
