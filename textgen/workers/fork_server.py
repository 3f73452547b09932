"""Set-up of the server that processes are forked from, done by importing this module, there and nowhere else.

Its forks inherit all of it.
"""

import os
from contextlib import suppress

from textgen.runtime.private_process import give_up_tracing, make_private

with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:  # only root may do so once private
    file.write("500")  # where memory runs out, what it forks goes and not the process that has the results
make_private()
give_up_tracing()
empty = os.open(os.devnull, os.O_RDONLY)
os.dup2(empty, 0)  # the standard input of the main process may be a text that is scored
os.close(empty)
