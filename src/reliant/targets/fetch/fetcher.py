"""One fetcher for all kinds of names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reliant.errors import FetchError
from reliant.targets import git
from reliant.targets.fetch.store import Store
from reliant.targets.fetch.web import client, download, integrity
from reliant.targets.open import Fetched

if TYPE_CHECKING:
    from pathlib import Path

    from reliant.targets.fetch.settings import Settings
    from reliant.targets.limits import Limits

_PYPI = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:==(?P<version>[A-Za-z0-9.!+_-]+))?\Z"
)
_NPM = re.compile(r"(?P<name>(?:@[a-z0-9~._-]+/)?[A-Za-z0-9~._-]+)(?:@(?P<version>[A-Za-z0-9.+_-]+))?\Z")
_GIT = re.compile(r"(?:git\+)?(?P<url>.+?)(?:@(?P<ref>[^@/:][^@:]*))?\Z")
_GIT_SCHEMES = ("https://", "http://", "ssh://", "git://", "file://", "git@")
_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


class NetworkFetcher:
    """Fetches from where the user's own tools would, and keeps what it fetched."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(settings.cache)

    def fetch(self, name: str, limits: Limits) -> Fetched:
        """Return where `name` now lies.

        Raises:
            FetchError: There is no such thing, it cannot be reached, or is not what was promised.
            MissingExtra: The extra for fetching is not installed.
        """
        kept = self._store.get(name)
        if self._settings.offline:
            if kept is None:
                raise FetchError(
                    f"{name} was not fetched before, and --offline forbids fetching it now",
                    hint="Run once without --offline; later runs use the cache.",
                )
            return kept
        kind, _, rest = name.partition(":")
        if kind == "pypi":
            return self._pypi(name, rest, kept, limits)
        if kind == "npm":
            return self._npm(name, rest, kept, limits)
        if kind in {"oci", "docker"}:
            from reliant.targets.fetch.registry import fetch_image  # noqa: PLC0415

            return self._store.put(
                name,
                fetch_image(name, rest.removeprefix("//"), self._store.folder(name), self._settings, limits),
            )
        return self._git(name, kept, limits)

    def _pypi(self, asked: str, rest: str, kept: Fetched | None, limits: Limits) -> Fetched:
        match = _PYPI.match(rest)
        if match is None:
            raise FetchError(f"{asked!r} names no package", hint="Write pypi:NAME or pypi:NAME==VERSION.")
        if match["version"] and kept is not None:
            return kept
        session = client(self._settings.trusted_hosts)
        with session:
            package = self._best(session, match["name"], match["version"])
            path, sha256 = download(
                session,
                package.link.url_without_fragment,
                self._store.folder(asked),
                package.link.filename,
                hashes=_promised(package.link),
                limits=limits,
            )
        kind = "wheel" if path.suffix == ".whl" else "sdist"
        name = f"pypi:{match['name']}=={package.version}"
        return self._store.put(asked, Fetched(path=path, kind=kind, name=name, digest=f"sha256:{sha256}"))

    def _best(self, session: Any, name: str, version: str | None) -> Any:
        """Return the source archive of the newest version, or of the one asked for; else a wheel of it."""
        from unearth import PackageFinder  # noqa: PLC0415

        # Without any source the finder would ask the public index, which the user has ruled out.
        if not (self._settings.index_urls or self._settings.find_links):
            raise FetchError("pip is configured to use no index", hint="Unset PIP_NO_INDEX, or name a file.")
        finder = PackageFinder(
            session=session,
            index_urls=self._settings.index_urls,
            find_links=self._settings.find_links,
            ignore_compatibility=True,
        )
        try:
            found = list(finder.find_matches(f"{name}=={version}" if version else name))
        except Exception as error:  # the library passes on whatever its transport raises
            raise FetchError(
                f"the package index could not be reached for {name}: {error}",
                hint="Check the network and pip's index-url, or download the archive and name the file.",
            ) from error
        if not found:
            wanted = f"{name} {version}" if version else name
            raise FetchError(
                f"no package index has {wanted}", hint="Check the name, the version and pip's index-url."
            )
        if not version:
            # As pip does: a release candidate is taken only where there is nothing else.
            found = [one for one in found if not _is_candidate(one.version)] or found
        newest = [package for package in found if package.version == found[0].version]
        return min(newest, key=lambda package: package.link.is_wheel)

    def _npm(self, asked: str, rest: str, kept: Fetched | None, limits: Limits) -> Fetched:
        match = _NPM.match(rest)
        if match is None:
            raise FetchError(f"{asked!r} names no package", hint="Write npm:NAME or npm:@SCOPE/NAME@VERSION.")
        wanted = match["version"] or "latest"
        if kept is not None and wanted[0].isdigit():
            return kept
        scope = match["name"].partition("/")[0] if "/" in match["name"] else ""
        registry = self._settings.npm_scopes.get(scope, self._settings.npm_registry)
        if not registry:
            raise FetchError(
                f"nothing says where {asked} is fetched from",
                hint="Install npm, or name a registry in .npmrc or in npm_config_registry.",
            )
        with client() as session:
            about = self._packument(session, f"{registry.rstrip('/')}/{match['name'].replace('/', '%2f')}")
            version = about.get("dist-tags", {}).get(wanted, wanted)
            try:
                dist = about["versions"][version]["dist"]
                url = str(dist["tarball"])
            except (KeyError, TypeError) as error:
                raise FetchError(
                    f"the registry has no version {wanted} of {match['name']}", hint="Check the version."
                ) from error
            hashes = integrity(str(dist.get("integrity", "")))
            if dist.get("shasum"):
                hashes.setdefault("sha1", str(dist["shasum"]))
            path, sha256 = download(
                session,
                url,
                self._store.folder(asked),
                url.rpartition("/")[2],
                hashes=hashes,
                limits=limits,
                headers=self._token(url),
            )
        name = f"npm:{match['name']}@{version}"
        return self._store.put(asked, Fetched(path=path, kind="npm", name=name, digest=f"sha256:{sha256}"))

    def _packument(self, session: Any, url: str) -> dict[str, Any]:
        headers = {"Accept": "application/vnd.npm.install-v1+json, application/json", **self._token(url)}
        try:
            answer = session.get(url, headers=headers)
            if answer.status_code == 200:
                return dict(answer.json())
        except Exception as error:  # transport or JSON: either way there is no answer
            raise FetchError(
                f"the npm registry could not be reached: {error}",
                hint="Check the network and npm's registry, or name a tarball that you have.",
            ) from error
        raise FetchError(
            f"the npm registry answered {answer.status_code} for {url}", hint="Check the package's name."
        )

    def _token(self, url: str) -> dict[str, str]:
        place = url.partition(":")[2]
        for prefix, token in self._settings.npm_tokens.items():
            if place.startswith(prefix):
                return {"Authorization": f"Bearer {token}"}
        return {}

    def _git(self, asked: str, kept: Fetched | None, limits: Limits) -> Fetched:
        match = _GIT.match(asked)
        if match is None or not match["url"].startswith(_GIT_SCHEMES):
            raise FetchError(
                f"{asked!r} is no address of a repository", hint="Write git+https://HOST/PATH[@REF]."
            )
        url, ref = match["url"], match["ref"] or "HEAD"
        if kept is not None and _COMMIT.match(ref):
            return kept
        folder: Path = self._store.folder(asked) / "repository.git"
        environment = self._settings.environment
        if not (folder / "HEAD").exists():
            git.run(["init", "--quiet", "--bare", "--template=", str(folder)], limits, environment)
        fetching = [
            "-C",
            str(folder),
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-recurse-submodules",
        ]
        git.run(
            [*fetching, "--force", "--end-of-options", url, f"{ref}:refs/reliant/wanted"],
            limits,
            environment,
            network=True,
        )
        commit = git.resolve(folder, "refs/reliant/wanted", limits, environment)
        return self._store.put(asked, Fetched(path=folder, kind="git", name=asked, digest=commit))


def _is_candidate(version: str | None) -> bool:
    """Say whether a version is one of development, or of none that can be read."""
    from packaging.version import InvalidVersion, Version  # noqa: PLC0415

    try:
        return Version(version or "").is_prerelease
    except InvalidVersion:
        return True


def _promised(link: Any) -> dict[str, str]:
    """Return the hex digests that an index page gives for a file."""
    return {name: values[0] for name, values in (link.hash_option or {}).items() if values}
