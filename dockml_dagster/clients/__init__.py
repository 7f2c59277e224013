"""Adapters to the outside: GitHub, Docker Hub, OCI registries. They fetch and raise typed errors; they interpret nothing."""
