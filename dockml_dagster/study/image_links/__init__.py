"""Links from a project to the images that are its own, each with the line that shows it and a grade.

Here: the types and the meaning of the grades (``model``); variables of a file (``variables``); the commands of a script in
their order (``shell``) and the images that a command names (``commands``); mentions of images in scripts and Makefiles
(``scripts``), GitHub's CI (``workflows``), other CI (``other_ci``), prose (``documents``), and Compose, Kubernetes, bake and
GoReleaser (``declarations``); grading them, in ``grading.find_links`` for a project's files and
``grading.links_of_reference`` for an image known from elsewhere. Not here: reading files or registries.
"""

from dockml_dagster.study.image_links.grading import find_links, links_of_reference
from dockml_dagster.study.image_links.model import GRADES, Grade, Kind, Link

__all__ = ["GRADES", "Grade", "Kind", "Link", "find_links", "links_of_reference"]
