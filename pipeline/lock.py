"""One run at a time for each output, and who has it.

The lock is the kernel's: it is free at the instant its holder ends, however it ends, so there is
never a leftover lock to remove by hand. The file it hangs on says nothing and stays where it is
(removing it would let two runs hold two files of one name). Who holds it stands in a file beside
it, which may be missing or out of date: it makes the message better and decides nothing.
"""

from __future__ import annotations

import errno
import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from pipeline.disk import clear_errors
from pipeline.errors import LockedError

if TYPE_CHECKING:
    from filelock import BaseFileLock

#: `owner` holds the lock for an instant when it asks for it, and a run that ends removes its name
#: an instant before the lock: neither may send away a run that starts just then.
GRACE_SECONDS = 0.2
#: Whoever may write to the folder may also take the lock, whoever ran here first.
LOCK_FILE_MODE = 0o666
#: A command line is cut here in messages.
COMMAND_LENGTH = 200
#: Without a lock there is no run: whatever the matter is, another place may have none of it.
ELSEWHERE = "choose another place for the output, or get the right to write to this one"


@dataclass(frozen=True)
class Owner:
    """Who has an output; all fields are empty where it is not known.

    Attributes
    ----------
    host : str
        Name of the machine.
    process : int
        Process id on that machine, 0 where it is not known.
    started : str
        When it took the output, UTC, for example ``2026-11-22T02:30:00Z``.
    user : str
        Who runs it.
    command : str
        The command line, for the shell.
    """

    host: str = ""
    process: int = 0
    started: str = ""
    user: str = ""
    command: str = ""

    def __str__(self) -> str:
        """Return it for people.

        Examples
        --------
        >>> print(Owner("ws12", 4711, "2026-11-22T02:30:00Z", "me", "pipeline run season.yaml"))
        process 4711 of me on ws12 since 2026-11-22T02:30:00Z (pipeline run season.yaml)
        """
        if not self.process:
            return "a process that has not left its name"
        command = shorten(self.command, COMMAND_LENGTH, placeholder=" ...")
        return (
            f"process {self.process} of {self.user} on {self.host} since {self.started} ({command})"
        )


@contextmanager
def only_run(output: Path) -> Iterator[None]:
    """Hold an output for this run alone; refuse at once where another run has it.

    Parameters
    ----------
    output : path
        The file that the run publishes. Its folder is made; where it is a link, the file behind
        it is locked.

    Raises
    ------
    LockedError
        When another run, also one of this process, has it: who, where and since when.
    DiskError
        When the lock cannot be made where the output is to be.
    """
    lock_file, owner_file = _files(output)
    with clear_errors(lock_file, unusable=ELSEWHERE):
        lock_file.parent.mkdir(parents=True, exist_ok=True)
        lock = _taken(lock_file)
    if lock is None:
        raise LockedError(_refusal(output, lock_file, _recorded(owner_file)))
    try:
        with clear_errors(owner_file, unusable=ELSEWHERE):
            _record(owner_file, _this_process())
        yield
    finally:
        with suppress(OSError):  # a name that stays behind harms nothing
            owner_file.unlink(missing_ok=True)
        lock.release()


def owner(output: Path) -> Owner | None:
    """Return who has an output now, or None when it is free; nothing is made or changed.

    Parameters
    ----------
    output : path
        As for :func:`only_run`.

    Returns
    -------
    Owner or None
        Where the kernel cannot be asked (a lock file that may not be opened), what the holder
        has written down is believed.
    """
    lock_file, owner_file = _files(output)
    if not (owner_file.exists() and lock_file.exists()):
        return None  # nobody has come, or the last one has left in good order
    try:
        lock = _taken(lock_file)
    except OSError:
        return _recorded(owner_file)
    if lock is None:
        return _recorded(owner_file)
    lock.release()
    return None


def _files(output: Path) -> tuple[Path, Path]:
    """Return the lock file and the owner's file of an output."""
    target = Path(os.path.realpath(output))
    return target.with_name(f".{target.name}.lock"), target.with_name(f".{target.name}.owner")


def _taken(lock_file: Path) -> BaseFileLock | None:
    """Return the lock, held, or None when another has it; children do not inherit it."""
    from filelock import FileLock, Timeout

    lock = FileLock(lock_file, mode=LOCK_FILE_MODE, thread_local=False)
    without_locks = OSError(errno.ENOLCK, "its file system has no locks")
    try:
        lock.acquire(timeout=GRACE_SECONDS, poll_interval=GRACE_SECONDS / 10)
    except Timeout:
        return None
    except NotImplementedError:
        raise without_locks from None
    if not isinstance(lock, FileLock):  # a substitute that would outlive a killed run
        lock.release()
        raise without_locks
    return lock


def _this_process() -> Owner:
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may have users without a name
        user = "an unknown user"
    return Owner(
        host=socket.gethostname(),
        process=os.getpid(),
        started=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        user=user,
        command=shlex.join(sys.orig_argv),
    )


def _record(owner_file: Path, who: Owner) -> None:
    """Write down who has the lock; only its holder calls this, so one name for aside is enough."""
    aside = owner_file.with_name(f"{owner_file.name}.tmp")
    try:
        aside.write_text(json.dumps(asdict(who)), encoding="utf-8")
        os.replace(aside, owner_file)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise


def _recorded(owner_file: Path) -> Owner:
    """Return who is written down, or an unknown one where that is missing, damaged or dead."""
    try:
        found = json.loads(owner_file.read_text(encoding="utf-8"))
        texts = {
            name: "".join(letter for letter in str(found[name]) if letter.isprintable())
            for name in ("host", "started", "user", "command")
        }
        who = Owner(process=int(found["process"]), **texts)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return Owner()
    return Owner() if who.process < 1 or _has_ended(who) else who


def _has_ended(who: Owner) -> bool:
    """Whether it is a process of this machine that is no more; False where that is not known."""
    import socket

    if who.host != socket.gethostname() or os.name != "posix":
        return False
    try:
        os.kill(who.process, 0)  # asks only
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:  # it runs, and is somebody else's
        pass
    return False


def _refusal(output: Path, lock_file: Path, who: Owner) -> str:
    if who.process:
        advice = "wait for it, or end it: it can be resumed"
    else:
        advice = f"wait for it, or find it with: fuser {shlex.quote(str(lock_file))}"
    return f"{output}: another run has it: {who}; {advice}"
