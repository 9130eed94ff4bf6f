"""The way out: a pooled HTTP/1.1 client, and what each provider's protocol asks for."""
