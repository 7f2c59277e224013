"""Whether Ctrl-C was pressed during a Dagster run.

Here: noticing SIGINT. Not here: the end of the command (``cli``). Dagster replaces the handler of SIGINT for the time of a
run and forgets a signal that arrives after the last step, so that the command would go on.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def noticed() -> Iterator[Callable[[], bool]]:
    """Within the block, the value tells whether SIGINT has arrived, whichever handler had it.

    Only the main thread can watch signals; elsewhere the answer is always no.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def arrived() -> bool:
        try:
            return signal.SIGINT in os.read(reading, 1 << 16)
        except BlockingIOError:
            return False

    try:
        yield arrived
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)
