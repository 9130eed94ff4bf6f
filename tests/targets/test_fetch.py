"""Packages, repositories and images are fetched as the user's own tools would, and nothing is run."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from reliant.errors import FetchError
from reliant.targets import open_target
from reliant.targets.fetch import NetworkFetcher, Settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def sdist(name: str, **files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, text in files.items():
            info = tarfile.TarInfo(f"{name}/{path.replace('__', '.')}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def contents(name: str, settings: Settings) -> tuple[dict[str, bytes], str]:
    with open_target(name, fetcher=NetworkFetcher(settings), environment=settings.environment) as target:
        return {file.path: file.read(999) for file in target.files()}, target.stamp.name


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A package index of two versions; the newer one also as a wheel."""
    folder = tmp_path / "simple" / "shop"
    folder.mkdir(parents=True)
    links = []
    for version in ("1.0", "2.0", "3.0rc1"):
        file = folder / f"shop-{version}.tar.gz"
        file.write_bytes(sdist(f"shop-{version}", setup__py="raise SystemExit('never run')", a__py=version))
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        links.append(f'<a href="{file.name}#sha256={digest}">{file.name}</a>')
    (folder / "shop-2.0-py3-none-any.whl").write_bytes(b"PK")
    links.append('<a href="shop-2.0-py3-none-any.whl">shop-2.0-py3-none-any.whl</a>')
    (folder / "index.html").write_text(f"<html><body>{''.join(links)}</body></html>")
    return folder


def at(index: Path, **more: object) -> Settings:
    folder = index.parent.parent
    return Settings(cache=folder / "cache", index_urls=(f"{index.parent.as_uri()}/",), **more)  # type: ignore[arg-type]


def test_a_package_is_its_newest_source_archive_and_its_build_is_not_run(index: Path) -> None:
    found, name = contents("pypi:shop", at(index))

    assert found["a.py"] == b"2.0"
    assert name == "pypi:shop==2.0"


def test_a_release_candidate_is_taken_only_if_it_is_asked_for(index: Path) -> None:
    found, name = contents("pypi:shop==3.0rc1", at(index))

    assert found["a.py"] == b"3.0rc1"
    assert name == "pypi:shop==3.0rc1"
    assert contents("pypi:shop", at(index))[1] == "pypi:shop==2.0"


def test_a_package_fetched_once_opens_offline_and_one_that_was_not_says_so(index: Path) -> None:
    contents("pypi:shop==1.0", at(index))

    assert contents("pypi:shop==1.0", at(index, offline=True))[0]["a.py"] == b"1.0"
    with pytest.raises(FetchError, match=r"pypi:shop==2\.0 was not fetched before, and --offline"):
        contents("pypi:shop==2.0", at(index, offline=True))


def test_a_file_in_the_cache_that_was_changed_is_not_used(index: Path) -> None:
    contents("pypi:shop==1.0", at(index))
    (kept,) = (index.parent.parent / "cache").rglob("*.tar.gz")
    kept.write_bytes(sdist("shop-1.0", a__py="changed"))

    with pytest.raises(FetchError, match="not fetched before"):
        contents("pypi:shop==1.0", at(index, offline=True))
    assert contents("pypi:shop==1.0", at(index))[0]["a.py"] == b"1.0"


def test_a_file_that_is_not_what_the_index_promised_is_refused(index: Path) -> None:
    (index / "shop-1.0.tar.gz").write_bytes(sdist("shop-1.0", a__py="swapped"))

    with pytest.raises(FetchError, match="sha256 differs"):
        contents("pypi:shop==1.0", at(index))


def test_a_package_or_version_that_is_not_there_is_named(index: Path) -> None:
    with pytest.raises(FetchError, match=r"no package index has shop 9\.9"):
        contents("pypi:shop==9.9", at(index))
    with pytest.raises(FetchError, match="names no package"):
        contents("pypi:../../etc", at(index))


def test_without_a_fetcher_nothing_is_fetched() -> None:
    with pytest.raises(FetchError, match="not on this machine"):
        open_target("pypi:shop")


class Served:
    """Answers on the loopback, by path."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, bytes]] = {}
        self.asked: list[tuple[str, str | None]] = []
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked.append((self.path, self.headers.get("Authorization")))
                kind, content = served.answers.get(self.path, ("", b""))
                self.send_response(200 if kind else 404)
                self.send_header("Content-Type", kind or "text/plain")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()


@pytest.fixture
def served() -> Iterator[Served]:
    running = Served()
    yield running
    running.server.shutdown()
    running.server.server_close()


def publish(served: Served, name: str, version: str, tarball: bytes, integrity: str | None = None) -> None:
    sri = integrity or "sha512-" + base64.b64encode(hashlib.sha512(tarball).digest()).decode()
    path = f"/{name.replace('/', '%2f')}"
    url = f"http://{served.host}/{name}/-/{version}.tgz"
    packument = {
        "dist-tags": {"latest": version},
        "versions": {version: {"dist": {"tarball": url, "integrity": sri}}},
    }
    served.answers[path] = ("application/json", json.dumps(packument).encode())
    served.answers[f"/{name}/-/{version}.tgz"] = ("application/octet-stream", tarball)


def test_an_npm_package_is_fetched_checked_and_kept(served: Served, tmp_path: Path) -> None:
    publish(served, "@acme/chat", "1.2.3", sdist("package", index__js="x"))
    settings = Settings(
        cache=tmp_path,
        npm_registry="http://127.0.0.1:9/",
        npm_scopes={"@acme": f"http://{served.host}/"},
        npm_tokens={f"//{served.host}/": "secret"},
    )

    found, name = contents("npm:@acme/chat", settings)

    assert found == {"index.js": b"x"}
    assert name == "npm:@acme/chat@1.2.3"
    assert {token for _, token in served.asked} == {"Bearer secret"}
    offline = Settings(cache=tmp_path, offline=True)
    assert contents("npm:@acme/chat", offline)[1] == "npm:@acme/chat@1.2.3"


def test_a_tarball_without_its_promised_integrity_is_refused(served: Served, tmp_path: Path) -> None:
    wrong = "sha512-" + base64.b64encode(bytes(64)).decode()
    publish(served, "chat", "1.0.0", sdist("package", a__js="x"), integrity=wrong)

    with pytest.raises(FetchError, match="sha512 differs"):
        contents("npm:chat@1.0.0", Settings(cache=tmp_path, npm_registry=f"http://{served.host}/"))


def test_a_token_is_not_sent_to_another_registry(served: Served, tmp_path: Path) -> None:
    publish(served, "chat", "1.0.0", sdist("package", a__js="x"))
    tokens = {"//npm.acme.test/": "secret"}
    contents("npm:chat", Settings(cache=tmp_path, npm_registry=f"http://{served.host}/", npm_tokens=tokens))

    assert {token for _, token in served.asked} == {None}


def blob(served: Served, content: bytes) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    served.answers[f"/v2/team/shop/blobs/{digest}"] = ("application/octet-stream", content)
    return {"mediaType": "application/octet-stream", "digest": digest, "size": len(content)}


def test_an_image_is_fetched_by_its_reference_for_linux(served: Served, tmp_path: Path) -> None:
    kind = "application/vnd.oci.image.manifest.v1+json"
    config = blob(served, json.dumps({"config": {"Env": ["OPENAI_BASE_URL=https://llm.acme.test"]}}).encode())
    layer = blob(served, sdist("app", main__py="print(1)"))
    manifest = json.dumps(
        {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]}
    ).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    index = {
        "schemaVersion": 2,
        "manifests": [
            {"digest": "sha256:" + "0" * 64, "platform": {"os": "windows", "architecture": "amd64"}},
            {"digest": digest, "platform": {"os": "linux", "architecture": "amd64"}},
        ],
    }
    served.answers["/v2/team/shop/manifests/1.0"] = ("application/json", json.dumps(index).encode())
    served.answers[f"/v2/team/shop/manifests/{digest}"] = (kind, manifest)
    settings = Settings(cache=tmp_path, insecure_registries=(served.host,))

    found, _ = contents(f"oci:{served.host}/team/shop:1.0", settings)

    assert found["app/main.py"] == b"print(1)"
    assert b"OPENAI_BASE_URL=https://llm.acme.test" in found[".image/.env"]
    asked = f"oci:{served.host}/team/shop:1.0"
    assert contents(asked, Settings(cache=tmp_path, offline=True))[0] == found


def test_an_image_that_is_not_there_is_an_error_that_names_it(served: Served, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="team/none:1"):
        contents(
            f"oci:{served.host}/team/none:1", Settings(cache=tmp_path, insecure_registries=(served.host,))
        )


def test_pip_and_npm_settings_are_read_as_those_tools_read_them(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".config/pip").mkdir(parents=True)
    (home / ".config/pip/pip.conf").write_text(
        "[global]\nindex-url = https://a.test/simple\nextra-index-url =\n    https://b.test/simple\n    file:///c\n"
    )
    (home / ".npmrc").write_text(
        "registry=https://n.test\n@acme:registry=https://m.test/\n"
        "//m.test/:_authToken=${TOKEN}\n; no=comment\n"
    )
    variables = {"PIP_INDEX_URL": "https://d.test/simple", "PIP_FIND_LINKS": "/x /y", "TOKEN": "t"}

    found = read_settings(variables, home=home, cache=tmp_path, prefix=tmp_path, offline=False)

    assert found.index_urls[0] == "https://d.test/simple"
    assert {"https://b.test/simple", "file:///c"} <= set(found.index_urls)
    assert found.find_links == ("/x", "/y")
    assert found.npm_registry == "https://n.test/"
    assert found.npm_scopes == {"@acme": "https://m.test/"}
    assert found.npm_tokens == {"//m.test/": "t"}


def test_where_pip_may_use_no_index_none_is_asked(tmp_path: Path) -> None:
    variables = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null"}
    settings = read_settings(variables, home=tmp_path, cache=tmp_path, prefix=tmp_path, offline=False)

    with pytest.raises(FetchError, match="no index"):
        contents("pypi:shop", settings)


def test_without_a_registry_an_npm_package_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="nothing says where npm:chat is fetched from") as error:
        contents("npm:chat", Settings(cache=tmp_path))
    assert "npm_config_registry" in error.value.hint
