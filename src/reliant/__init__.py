"""How reliant are you on other people's AI, and what happens if access is cut?"""

__version__ = "0.1.0"
