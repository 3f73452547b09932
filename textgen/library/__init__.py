"""The public Python API, available as `import textgen`: the commands as functions with the same options.

Related options are grouped: `TextOptions`, `SampleOptions` and `ClusterOptions`. Results are saved in the
same folders as by the commands, unless `out` gives another one. `report` is a function, called with a `Step`
whenever one begins or makes progress, or a bool that turns the progress display on or off; by default, it is
shown on a terminal and in a notebook. A command parses options, calls one of these functions, and prints.
"""
