"""New projects for plugin authors: `textgen plugins new`."""

from textgen.scaffold.project import new_project

__all__ = ["new_project"]
