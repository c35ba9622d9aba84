"""A background thread that writes, so that training does not wait for the disk."""

import threading
from collections import deque


class BackgroundWriter:
    """Runs jobs one after another in a thread of its own. At most `max_pending_bytes` wait at any time (a job
    larger than that is taken when nothing else waits); what does not fit is refused rather than making the caller wait.
    """

    def __init__(self, max_pending_bytes, on_failure):
        """`on_failure(name, exception)` is called in the writer's thread when a job raises."""
        self._max = max_pending_bytes
        self._on_failure = on_failure
        self._jobs = deque()
        self._pending_bytes = 0
        self._changed = threading.Condition()
        self._thread = None

    @property
    def pending_bytes(self):
        with self._changed:
            return self._pending_bytes

    def submit(self, name, nbytes, job):
        """Takes `job` (a callable) to be run later; False if the memory bound leaves no room for its `nbytes`."""
        with self._changed:
            if self._pending_bytes > 0 and self._pending_bytes + nbytes > self._max:
                return False
            self._pending_bytes += max(nbytes, 1)
            self._jobs.append((name, max(nbytes, 1), job))
            if self._thread is None:
                # A daemon: an interpreter that is told to die need not wait; Recorder flushes at a normal exit.
                self._thread = threading.Thread(target=self._work, name="dvi-recorder", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return True

    def wait(self):
        """Returns when everything submitted so far was written or failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending_bytes == 0)

    def _work(self):
        while True:
            with self._changed:
                if not self._changed.wait_for(lambda: self._jobs, timeout=5):
                    self._thread = None
                    return
                name, nbytes, job = self._jobs.popleft()
            try:
                job()
            except Exception as e:  # whatever it is, the training must not notice
                self._on_failure(name, e)
            finally:
                del job
                with self._changed:
                    self._pending_bytes -= nbytes
                    self._changed.notify_all()
