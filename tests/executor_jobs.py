"""What the executors' tests have their workers do: compute, crash, sleep, and worse."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np


def square(value: float) -> float:
    return value * value


def square_after(seconds: float, value: float) -> float:
    time.sleep(seconds)
    return value * value


def buoyancy(temperature: np.ndarray, parcel: np.ndarray) -> tuple[float, np.ndarray]:
    """Arithmetic whose last bits would tell a different library or order of summation."""
    ratio = (parcel - temperature) / temperature
    return float(np.sum(np.exp(ratio) * 9.80665)), np.log1p(np.abs(ratio)) @ np.ones((50, 2))


def process_id(seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return os.getpid()


def echo(value: Any) -> Any:
    return value


def divide(one: float, other: float) -> float:
    return one / other


def leave_politely(value: int) -> int:
    if value == 3:
        sys.exit("I would rather not")
    return value


def fork_and_run_on(value: int) -> int:
    os.fork()
    return value


class UnpicklableError(Exception):
    def __init__(self) -> None:
        super().__init__("cannot be sent")
        self.lock = threading.Lock()


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class NeedsTwoError(Exception):
    """Pickles well, but pickle cannot make it again: the classic that hangs a Pool."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def raise_oddly(value: int) -> int:
    errors = {1: UnpicklableError, 2: UnspeakableError, 3: lambda: NeedsTwoError("this", "that")}
    if value in errors:
        raise errors[value]()
    return value


def return_oddly(value: int) -> Any:
    odd = {1: lambda: None, 2: threading.Lock(), 3: NeedsTwoError("this", "that")}
    return odd.get(value, value)


class BreaksOnArrival:
    """Can be pickled, and ends whoever unpickles it."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return arrive, (self.how,)


def arrive(how: str) -> None:
    if how == "exit":
        os._exit(7)
    if how == "swell":
        np.ones(12_500_000_000)
    raise ValueError("broken on arrival")


def crash_at(value: int, victim: int, how: str) -> int:
    """Return the value, but for the victim, which takes its worker with it."""
    time.sleep(0.01)
    if value == victim:
        crash(how)
    return value


def crash(how: str) -> None:
    if how == "SIGKILL":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "exit":
        os._exit(3)
    elif how == "segfault":
        ctypes.string_at(0)
    elif how == "sleep":
        time.sleep(60)
    elif how == "hold the GIL":
        ctypes.PyDLL(None).sleep(60)


def swell_at(value: int, victim: int, how: str) -> int:
    """Return the value, but for the victim, which takes all the memory that it can get."""
    if value == victim:
        swell(how)
    return value


_held: list[Any] = []


def swell(how: str) -> Any:
    if how == "one large array":
        np.ones(12_500_000_000)
    elif how == "a list that grows":
        grown = [0]
        while True:
            grown += [0] * 100_000
    elif how == "small things held for ever":
        for size in (10_000, *range(480, 0, -16)):  # so that there is no room left of any size
            with suppress(MemoryError):
                while True:
                    _held.append(bytes(size))
        np.ones(12_500_000_000)
    elif how == "a buffer in steps":
        buffer = bytearray()
        while True:
            buffer += bytes(10_000_000)
    elif how == "its result":
        return bytearray(70 << 20)  # and as much again for its pickle
    elif how == "unchecked malloc":
        library = ctypes.CDLL(None)
        library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        ctypes.memset(library.malloc(1 << 40) or 0, 1, 1)
    return None


def swell_carelessly(how: str) -> str:
    """Do what careless code does with every error."""
    try:
        swell(how)
    except Exception:
        return "swallowed"
    return "enough"


def swell_once(marker: str, how: str) -> str:
    """Swell the first time, and remember that in a file."""
    if not Path(marker).exists():
        Path(marker).touch()
        swell(how)
    return "second time lucky"


def fill(mebibytes: int) -> int:
    """Take so much memory, write to all of it, and give it back."""
    return len(bytearray(mebibytes << 20))


def swell_in_calculation(pressure: Any) -> Any:
    """Be a user's own calculation."""
    return np.ones(10**15)


def crash_once(marker: str, how: str) -> str:
    """Crash the first time, and remember that in a file."""
    if not Path(marker).exists():
        Path(marker).touch()
        crash(how)
    return "second time lucky"


def note_and_sleep(folder: str, index: int, seconds: float) -> int:
    """Leave a file that tells who works on what."""
    (Path(folder) / f"{index}.{os.getpid()}").touch()
    time.sleep(seconds)
    return index


def note_and_crash(folder: str, index: int, how: str) -> None:
    (Path(folder) / str(index)).touch()
    crash(how)


def stop_soon(payload: bytes, seconds: float) -> int:
    """Return at once, and stop this process (as a debugger would) shortly after."""
    if seconds:
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGSTOP)).start()
    return len(payload)


def blas_threads() -> list[int]:
    """Return the threads of every BLAS and OpenMP library that is loaded."""
    import scipy.linalg  # noqa: F401  brings a BLAS of its own
    from threadpoolctl import threadpool_info

    return [library["num_threads"] for library in threadpool_info()]


def environment(name: str) -> str | None:
    return os.environ.get(name)


def kill_dask_worker(value: int, guilty: bool) -> int:
    """Take along the Dask worker too: the parent of the fork server that is our parent."""
    if guilty:
        server = Path(f"/proc/{os.getppid()}/stat").read_text()
        os.kill(int(server.rpartition(")")[2].split()[1]), signal.SIGKILL)
        time.sleep(60)
    return value


def zeros(kind: Any, count: int) -> int:
    return np.zeros(count, kind).nbytes


def garbage() -> tuple[bool, bool]:
    """Return whether garbage is looked for, and whether something is left out of that."""
    return gc.isenabled(), gc.get_freeze_count() > 0
