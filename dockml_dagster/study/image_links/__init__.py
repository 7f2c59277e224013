"""Links from a project to the images that are its own, each with the line that shows it and a grade.

Here: ``find_links`` over the files of a project, and what links an image that is known from elsewhere. ``model`` has the
types and what the grades mean; ``variables`` resolves what the file itself tells; ``commands`` reads command lines,
``workflows`` GitHub's CI, ``documents`` prose, ``declarations`` Compose, Kubernetes, bake and GoReleaser; ``grading`` puts
all of it together. Not here: any reading of files or registries.
"""

from dockml_dagster.study.image_links.grading import find_links, links_of_reference
from dockml_dagster.study.image_links.model import GRADES, Grade, Kind, Link

__all__ = ["GRADES", "Grade", "Kind", "Link", "find_links", "links_of_reference"]
