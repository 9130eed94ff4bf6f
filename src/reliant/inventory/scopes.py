"""Which part of a project a path belongs to: code, tests, documents, examples, tooling."""

from __future__ import annotations

import posixpath
import re

from reliant.core.use import Scope

_TESTS = re.compile(
    r"(^|/)(tests?|testing|__tests__|specs?|unittests|e2e|integration_tests|fixtures|test[_-]?data|__?mocks(__)?"
    r"|mocks|cassettes|__snapshots__|snapshots)/",
    re.IGNORECASE,
)
_DOCS = re.compile(r"(^|/)(docs?|documentation|website|wiki|man|changelog)/", re.IGNORECASE)
_EXAMPLES = re.compile(
    r"(^|/)(examples?|demos?|samples?|cookbooks?|tutorials?|notebooks|playground|quickstarts?)/",
    re.IGNORECASE,
)
_TOOLING = re.compile(
    r"^(tools?|benchmarks?|bench|ci|hack|evals?|dev)/"
    r"|(^|/)(\.github|\.gitlab|\.circleci|\.azure-pipelines|\.ci|\.devcontainer|\.vscode|\.cursor|\.claude)/",
    re.IGNORECASE,
)
_TEST_FILE = re.compile(
    r"(^test_.*\.py|.*_test\.(py|go|rb|exs?)|^tests?\.py|^conftest\.py"
    r"|.*[._-](test|spec)\.[cm]?[jt]sx?|.*(Test|Tests|IT|Spec)\.(java|kt|cs|scala|php|swift))$"
)
_DOC_FILE = re.compile(
    r"(?i)(^(readme|changelog|changes|history|contributing|authors|license|licence|copying|notice|news|todo|security"
    r"|code_of_conduct|pkg-info|metadata)([._-].*)?$|.*\.(md|mdx|rst|adoc|txt|tex|html?|markdown)$)"
)
_MANIFEST = re.compile(
    r"(?i)^(pyproject\.toml|setup\.(py|cfg)|requirements.*\.(txt|in)|constraints.*\.txt|pipfile(\.lock)?|poetry\.lock|uv\.lock"
    r"|pdm\.lock|environment.*\.ya?ml|conda.*\.ya?ml|package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|npm-shrinkwrap\.json|deno\.jsonc?"
    r"|go\.(mod|sum)|cargo\.(toml|lock)|gemfile(\.lock)?|.*\.gemspec|composer\.(json|lock)|pom\.xml"
    r"|build\.gradle(\.kts)?|libs\.versions\.toml|.*\.csproj|packages\.config|directory\.packages\.props"
    r"|.*\.cabal|mix\.exs|pubspec\.yaml|requires\.txt|.*-requirements\.txt)$"
)
_CONFIG = re.compile(
    r"(?i)(^\.env.*|.*\.env$|.*\.(ya?ml|toml|json|jsonc|json5|ini|cfg|conf|properties|tf|tfvars|hcl|env|xml|plist)$"
    r"|^dockerfile.*|.*\.dockerfile$|^containerfile.*|^modelfile.*|^makefile$|^justfile$|^procfile$|^docker-compose.*)"
)
_REQUIREMENT_FOLDER = re.compile(r"(?i)(^|/)requirements/[^/]+\.(txt|in)$")


def scope_of(path: str) -> Scope:
    """Return the scope that a path alone suggests.

    Folders decide before file names, and tests before all others: a manifest or a document
    inside a test folder is test data.

    Examples:
        >>> scope_of("src/app/chat.py").value, scope_of("tests/data/package.json").value
        ('code', 'tests')
        >>> scope_of("requirements-dev.txt").value, scope_of("deploy/values.yaml").value
        ('manifest', 'config')
    """
    folder, name = posixpath.split(path)
    inside = f"{folder}/" if folder else ""
    if _TESTS.search(inside) or _TEST_FILE.match(name):
        return Scope.TESTS
    if _EXAMPLES.search(inside):
        return Scope.EXAMPLES
    if _DOCS.search(inside):
        return Scope.DOCS
    if _TOOLING.search(inside):
        return Scope.TOOLING
    if _MANIFEST.match(name) or _REQUIREMENT_FOLDER.search(path):
        return Scope.MANIFEST
    if _DOC_FILE.match(name):
        return Scope.DOCS
    if _CONFIG.match(name):
        return Scope.CONFIG
    return Scope.CODE
