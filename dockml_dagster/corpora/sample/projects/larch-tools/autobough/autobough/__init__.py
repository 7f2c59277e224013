"""AutoML for tables: gives back a plain scikit-learn pipeline."""

from autobough.search import fit

__all__ = ["fit"]
