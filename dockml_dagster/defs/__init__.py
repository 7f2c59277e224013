"""Everything that imports Dagster. Nothing here acts at import time."""
