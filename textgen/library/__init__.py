"""The public Python API, which `import textgen` offers: the commands as functions with the same options.

Options that belong together are groups: `TextOptions`, `SampleOptions` and `ClusterOptions`.
Results are saved in the folders in which the commands save them, unless `out` names another one. `report`
is a function that is called with a `Step` when one begins or makes progress, or True for a display of the
progress; without it, the functions are silent. A command parses options, calls one of these functions, and
prints.
"""
