"""The first thing that a fork server loads: no looking for garbage among what it loads after this.

Python's documentation of `gc` recommends it to who forks: loading is a tenth faster, and workers
share more memory. They switch it on again (`pipeline.executors.worker.work`); nobody else is to
import this. Nor does a fork server look through all of it once more when it ends.
"""

import atexit
import gc

gc.disable()
atexit.register(gc.freeze)
