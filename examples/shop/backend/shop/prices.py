"""What a million tokens cost, in US dollars (input, output), for the nightly report.

A table of prices: that a model stands here does not mean that the shop uses it.
"""

PER_MILLION_TOKENS_USD = {
    "gpt-4o": (5.00, 15.00),
    "gpt-4-turbo": (10.00, 30.00),
    "gpt-3.5-turbo": (0.50, 1.50),
    "claude-3-opus-20240229": (15.00, 75.00),
    "claude-3-haiku-20240307": (0.25, 1.25),
    "gemini-1.5-pro": (3.50, 10.50),
    "deepseek-chat": (0.14, 0.28),
}


def cost_usd(model: str, tokens_in: int, tokens_out: int) -> float:
    price_in, price_out = PER_MILLION_TOKENS_USD[model]
    return (tokens_in * price_in + tokens_out * price_out) / 1_000_000
