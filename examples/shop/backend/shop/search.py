"""Find teas by meaning: texts become vectors, and the nearest are shown."""

import numpy as np
import tiktoken
from openai import OpenAI

EMBEDDING_MODEL = "text-embedding-3-small"
_LONGEST = 8000


def embed(texts: list[str]) -> np.ndarray:
    """Return one unit vector per text."""
    tokens = tiktoken.get_encoding("cl100k_base")
    cut = [tokens.decode(tokens.encode(text)[:_LONGEST]) for text in texts]
    reply = OpenAI().embeddings.create(model=EMBEDDING_MODEL, input=cut)
    return np.array([item.embedding for item in reply.data])


def nearest(query: str, index: np.ndarray, count: int = 5) -> list[int]:
    """Return the rows of `index` that are nearest to the query, best first."""
    likeness = index @ embed([query])[0]
    return [int(row) for row in np.argsort(-likeness)[:count]]
