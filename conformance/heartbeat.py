"""A line now and then in a long run: how far it is, and what has been running for long."""

from __future__ import annotations

import os
import threading
import time


class Heartbeat:
    """Writes a line every so many seconds from a thread of its own, so that a hang is seen."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.terminal = os.dup(2)  # pytest puts another file in its place while a check runs
        self.total = self.done = self.failed = 0
        self.running: dict[str, float] = {}
        self.began = time.monotonic()
        self.over = threading.Event()

    def start(self, total: int) -> None:
        self.total, self.began = total, time.monotonic()
        if self.seconds > 0:
            threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        self.over.set()

    def started(self, item: str) -> None:
        self.running[item] = time.monotonic()

    def ended(self, item: str) -> None:
        self.running.pop(item, None)
        self.done += 1

    def line(self, now: float) -> str:
        """Where the run is at a moment."""
        text = f"etalon: {now - self.began:.0f} s, {self.done} of {self.total} checks, {self.failed} failed"
        if self.running:
            item, since = min(dict(self.running).items(), key=lambda entry: entry[1])
            text += f"; longest: {item.split('::')[-1]} ({now - since:.0f} s)"
        return text

    def _beat(self) -> None:
        while not self.over.wait(self.seconds):
            os.write(self.terminal, f"\n{self.line(time.monotonic())}\n".encode())
