"""A project of its own, installed where it runs."""
