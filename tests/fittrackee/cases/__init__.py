"""The cases, in the order in which they are asked."""

from cases import requests, routing, register, login, passwords, account, bearer, profile, sports, pictures, export, letters, workouts, scopes, closed, limited  # noqa: F401, I001
