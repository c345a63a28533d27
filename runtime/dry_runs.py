"""Dry runs of rules: one at a time, each in a process of its own, its answer kept until others came."""

import json
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from park.errors import Conflict, NotFound
from park.rulebook import DryRun, DryRunState

_KEPT = 8  # answers; the oldest goes
_PATIENCE = 1_800.0  # s, by the wall; then it is killed
_LONGEST = 32 << 20  # characters of an answer


class DryRunner:
    """Dry runs over one data folder. Thread-safe; see park.rulebook.DryRuns."""

    def __init__(self, folder: Path, present: Callable[[], str]) -> None:
        """Take the data folder, and how to ask for the rule table that holds."""
        self._folder = folder
        self._present = present
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, DryRun] = OrderedDict()
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def begin(self, text: str, start: int, end: int, actor: str) -> DryRun:
        """Start one. Raises Conflict while another runs."""
        with self._lock:
            if self._stopped or (self._thread is not None and self._thread.is_alive()):
                raise Conflict("another dry run is under way: wait for it")
            run = DryRun(uuid4().hex, DryRunState.RUNNING, start, end, actor=actor)
            self._runs[run.id] = run
            while len(self._runs) > _KEPT:
                self._runs.popitem(last=False)
            question = {
                "folder": str(self._folder.resolve()), "changed": text, "present": self._present(), "start": start,
                "end": end,
            }  # fmt: skip
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runtime.backtest_child"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
            )  # fmt: skip
            self._thread = threading.Thread(
                target=self._follow, args=(run.id, self._process, json.dumps(question)), name="dry-run", daemon=True
            )
            self._thread.start()
            return run

    def get(self, run: str) -> DryRun:
        """Return one that was started not too long ago. Raises NotFound."""
        with self._lock:
            if run not in self._runs:
                raise NotFound(f"there is no dry run {run}, or others came after it")
            return self._runs[run]

    def stop(self) -> None:
        """End what runs, and start none any more."""
        with self._lock:
            self._stopped = True
            process, thread = self._process, self._thread
        if process is not None and process.poll() is None:
            process.kill()
        if thread is not None:
            thread.join(10.0)

    def _follow(self, run: str, process: "subprocess.Popen[str]", question: str) -> None:
        """Ask, and listen until the process ends."""
        asking, answering = process.stdin, process.stdout
        if asking is None or answering is None:
            raise TypeError("both ends of a dry run's process are pipes")
        late = threading.Timer(_PATIENCE, process.kill)
        late.daemon = True
        late.start()
        problem = "the dry run was ended: it took too long, or too much memory"
        result = None
        try:
            with process:
                asking.write(question)
                asking.close()
                while line := answering.readline(_LONGEST):
                    said = json.loads(line)
                    if "progress" in said:
                        self._set(run, progress=float(said["progress"]))
                    problem, result = said.get("problem", problem), said.get("result", result)
        except (OSError, ValueError):
            process.kill()
        finally:
            late.cancel()
        if result is None:
            self._set(run, state=DryRunState.FAILED, problem=problem)
        else:
            self._set(run, state=DryRunState.DONE, progress=1.0, result=result)

    def _set(self, run: str, **what: object) -> None:
        with self._lock:
            if run in self._runs:
                self._runs[run] = replace(self._runs[run], **what)  # type: ignore[arg-type]
