"""The cases, in the order in which they are asked."""

from importlib import import_module

MODULES = (
    "requests",
    "routing",
    "register",
    "login",
    "passwords",
    "account",
    "bearer",
    "profile",
    "sports",
    "pictures",
    "export",
    "letters",
    "workouts",
    "scopes",
    "closed",
    "limited",
)
for module in MODULES:
    import_module(f"cases.{module}")
