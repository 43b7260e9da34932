"""The cases, in the order in which they are asked."""

from importlib import import_module

MODULES = (
    "auth",
    "ping",
    "methods",
    "cors",
    "select",
    "functions",
    "times",
    "groups",
    "show",
    "statements",
    "parameters",
    "formats",
    "errors",
    "watch",
    "write",
    "lines",
)
for module in MODULES:
    import_module(f"cases.{module}")
