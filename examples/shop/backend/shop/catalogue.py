"""The teas. Some are named like models; a cup of tea is still no dependency."""

TEAS = {
    "gemini": "Gemini, a blend of two green teas",
    "mistral": "Mistral, mint with a cold finish",
    "llama-wool": "A tea cosy of llama wool",
    "claude": "Claude's breakfast, strong and malty",
    "phi-3": "Phi, a blend of three flowers",
}
