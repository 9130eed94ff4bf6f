"""What is allowed: dated rules, decided with three values, and why."""

from reliant.policy.rulebook import RuleBook

__all__ = ["RuleBook"]
