"""What a model id looks like, and under which names one is kept."""

from __future__ import annotations

import functools
import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HOLDS = re.compile(
    r"(?:^|_)(?:model|models|engine|deployment|checkpoint|ckpt|llm|repo_id|hf_repo|hf_model|pretrained|embedder|weights)"
    r"(?:_(?:name|names|id|ids|path|repo|version|slug|string|str|default|defaults|choice|size|hf|map|dict|\w{1,12}))?$"
)
_NOT_HELD = re.compile(
    r"(?:^|_)(?:model_(?:type|config|args|kwargs|class|cls|dir|file|params?|prefix|format|provider|url|base|input|output|key|list|field|dump|"
    r"validate|schema|dtype|device|family|kind|label|description|desc|title|info|max_\w+|temp\w*|settings|options|validator|fields|card|"
    r"registry|state|data|cache|root|server|parallel|host|port|api|api_key|token|error|not_found|mode|alias|aliases|env|loader|manager|vendor|"
    r"source|owner|group|category|status|tag|tags|task|construct|rebuild|copy|extra)"
    r"|llm_(?:provider|type|backend|vendor|client|config|kwargs|url|base|host|key|token|timeout|cache|mode|settings|params?|service)"
    r"|view_model|data_model|domain_model|base_model|user_model|auth_user_model|app_model|db_model|orm_model|model_admin|parent_model|"
    r"search_engine|template_engine|storage_engine|db_engine|database_engine|sql_engine|async_engine|test_engine|tts_engine|"
    r"storage_class|layout_engine|render_engine|js_engine|regex_engine)$"
)
_ID = re.compile(r"^@?[A-Za-z0-9][A-Za-z0-9._+:@/-]{1,119}$")
_HUB = re.compile(r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{1,95}(?::[\w.-]+)?$")
_NEVER = re.compile(
    r"(?i)^(?:none|null|true|false|default|auto|unknown|custom|models?|string|str|name|id|your[-_ ].*"
    r"|my[-_].*|example.*|test[-_].*|.*[-_]test|placeholder|other|any|all|user|assistant|system|chat|completion"
    r"|text|json|yes|no|on|off|cpu|cuda|gpu|mps|local|remote|openai|(?:cl100k|o200k|p50k|r50k)_\w+|https?:.*"
    r"|file:.*|\d+(?:\.\d+)*|v\d+|[a-z]+_test|foo.*|bar|baz|dummy.*|fake.*|mock.*|x+|abc.*|\.\.*|llm"
    r"|provider|api|gpt|llama|claude|gemini|no[-_]?(?:model|name|id|llm)s?|model[-_]?(?:name|id)|n/a)$"
)
_FILE = re.compile(
    r"\.(?:py|js|ts|json|ya?ml|toml|txt|md|html?|css|png|jpe?g|gif|svg|csv|xml|sql|db|log|zip|gz|lock|cfg|ini|sh|so|dll|wav|mp3|mp4|rs|go|java|c|h|cpp|pyc|pkl\.gz)$",
    re.IGNORECASE,
)
_WEIGHTS = re.compile(
    r"\.(?:gguf|ggml|safetensors|bin|pt|pth|ckpt|onnx|tflite|mlmodel|mlpackage|h5|keras|pb|engine|task|llamafile)$",
    re.IGNORECASE,
)
_TWICE = re.compile(r"(:[a-z]+)\1$")
_SIZE = re.compile(r"^\d+(?:\.\d+)?[bBmMkKgG][bB]?$")
_HASH = re.compile(r"^[0-9a-fA-F]{24,}$")
_DOTTED = re.compile(r"^[a-zA-Z_][a-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*){2,}$")
_PATH = re.compile(r"/(?:v\d+|[a-z])$")
_DIGIT = re.compile(r"\d")


@functools.lru_cache(maxsize=20_000)
def snake(name: str) -> str:
    """Return a name in lower case with underscores.

    Examples:
        >>> snake("defaultModelName"), snake("OPENAI_MODEL"), snake("--chat-model")
        ('default_model_name', 'openai_model', 'chat_model')
    """
    return _CAMEL.sub("_", name).replace("-", "_").replace(".", "_").strip("_").lower()


_REFERENCE = re.compile(
    r"(?:^|_)(?:source|sources|docs?|documentation|homepage|website|site|web|links?|references?|refs?|see|pricing"
    r"|price_page|terms|privacy|policy|help|sign_?up|console|dashboard|citation|cite|blog|about|changelog|register"
    r"|get_(?:api_)?key|apply|repository|license|referer|http_referer|icon|logo|avatar)"
    r"(?:_(?:url|urls|link|links|href|page|uri))?$"
)


@functools.lru_cache(maxsize=20_000)
def is_reference(name: str) -> bool:
    """Say whether an address under this name is one for people to read, not for programs to call.

    Examples:
        >>> [is_reference(n) for n in ("source", "docsUrl", "signup_url", "base_url", "api_url")]
        [True, True, True, False, False]
    """
    return bool(name) and _REFERENCE.search(snake(name)) is not None


@functools.lru_cache(maxsize=20_000)
def holds_model(name: str) -> bool:
    """Say whether a variable, keyword, key or option of this name usually holds a model id.

    Examples:
        >>> [holds_model(n) for n in ("model", "OPENAI_MODEL", "defaultModelId", "llm", "ALIGN_MODELS_HF")]
        [True, True, True, True, True]
        >>> [holds_model(n) for n in ("model_config", "search_engine", "remodel", "base_model", "modeling")]
        [False, False, False, False, False]
    """
    if not name or len(name) > 60:
        return False
    plain = snake(name)
    return (
        _HOLDS.search(plain) is not None and not plain.endswith("_type") and _NOT_HELD.search(plain) is None
    )


def looks_like_id(text: str) -> bool:
    """Say whether a string can be a model id at all: its shape, and that it is no placeholder.

    Examples:
        >>> [looks_like_id(t) for t in ("acme-chat-2", "Acme/Base-7B", "gemma2", "small", "tiny.en")]
        [True, True, True, True, True]
        >>> [looks_like_id(t) for t in ("a sentence", "your-model", "https://acme.test", "acme/v1")]
        [False, False, False, False]
    """
    return bool(
        _ID.match(text)
        and not _NEVER.match(text)
        and not _FILE.search(text)
        and not text.endswith(("/", ":", "-", "_", "."))
        and "//" not in text
        and not _HASH.match(text)
        and not _SIZE.match(text)
        and not _TWICE.search(text)
        and not _DOTTED.match(text)
        and not _PATH.search(text)
    )


def several_ids(text: str) -> tuple[str, ...]:
    """Return the ids of a text that lists some with commas, one that is marked by a star first; else none.

    Examples:
        >>> several_ids("acme-2, *acme-3,acme-1"), several_ids("acme-2"), several_ids("a,b c")
        (('acme-3', 'acme-2', 'acme-1'), (), ())
    """
    if "," not in text or len(text) > 1_000:
        return ()
    parts = [part.strip() for part in text.split(",") if part.strip()]
    ordered = sorted(parts, key=lambda part: not part.startswith("*"))
    ids = tuple(part.lstrip("*") for part in ordered)
    return ids if len(ids) > 1 and all(looks_like_id(one) for one in ids) else ()


def is_hub_id(text: str) -> bool:
    """Say whether a string has the form `owner/name` of a hub.

    Examples:
        >>> is_hub_id("acme/base-7b"), is_hub_id("path/to/file.txt"), is_hub_id("application/json")
        (True, False, False)
    """
    if not _HUB.match(text) or _FILE.search(text):
        return False
    owner, _, name = text.partition("/")
    return owner.lower() not in _NOT_OWNERS and (
        bool(_DIGIT.search(name)) or "-" in name or "_" in name or name != name.lower()
    )


def is_weight_file(text: str) -> bool:
    """Say whether a path names a file of weights."""
    return bool(_WEIGHTS.search(text)) and not text.lower().endswith((".engine", ".task"))


_NOT_OWNERS = frozenset({
    "application", "text", "image", "audio", "video", "multipart", "font", "model", "message", "src",
    "lib", "test", "tests", "docs", "bin", "etc", "usr", "opt", "var", "tmp", "home", "data",
    "assets", "static", "public", "dist", "build", "node_modules", "and", "or", "n/a", "path", "to",
    "http", "https", "./", "../", "api", "v1", "v2", "users", "components", "pages", "utils",
    "models", "weights", "checkpoints", "ckpts", "output", "outputs", "config", "configs",
    "scripts", "examples", "@types",
})  # fmt: skip
