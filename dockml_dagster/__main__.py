"""``python -m dockml_dagster``: the command ``dockml`` where the folder of scripts is not on the path.

Here: the call alone. Not here: the command (``cli``).
"""

from dockml_dagster.cli import main

if __name__ == "__main__":
    main(prog_name="dockml")
