"""What SIGINT and SIGTERM do to a run: it finishes what it has in hand, unless told twice."""

from __future__ import annotations

import io
import logging
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest

from pipeline import interrupts
from pipeline.errors import InterruptedRunError
from pipeline.interrupts import Interrupt, finish_first

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")

BOTH = [signal.SIGINT, signal.SIGTERM]


def raise_both(first: signal.Signals, second: signal.Signals) -> None:
    signal.raise_signal(first)
    time.sleep(0.01)
    signal.raise_signal(second)
    pytest.fail("went on after the second")


@pytest.fixture(autouse=True)
def short_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "ECHO_SECONDS", 0.001)


def test_the_echo_of_a_signal_is_no_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """GNU `timeout` signals its child, and then the child's group."""
    monkeypatch.setattr(interrupts, "ECHO_SECONDS", 60.0)
    with finish_first() as interrupt:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert interrupt.signal_number == signal.SIGTERM


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whatever a test does to them, the handlers are those of before after it."""
    before = {number: signal.getsignal(number) for number in BOTH}
    yield
    after = {number: signal.getsignal(number) for number in BOTH}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == before


def test_without_a_signal_nothing_is_asked_for():
    with finish_first() as interrupt:
        interrupt.demand_none("nothing is done yet")
    assert interrupt.signal_number == 0


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_does_not_end_what_is_in_hand(number, caplog):
    finished = []
    with finish_first() as interrupt:
        for batch in range(5):
            if interrupt.signal_number:
                break
            if batch == 2:
                signal.raise_signal(number)
            finished.append(batch)
    assert finished == [0, 1, 2]
    assert interrupt.signal_number == number
    [record] = [record for record in caplog.records if record.name == "pipeline"]
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"{number.name}: the batch in hand is finished and kept, then the run ends; "
        "once more ends it at once"
    )


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_was_interrupted_says_what_is_kept_and_leaves_as_shells_expect(
    number, exit_code
):
    with finish_first() as interrupt:
        signal.raise_signal(number)
        with pytest.raises(InterruptedRunError) as caught:
            interrupt.demand_none("2 of 7 batches are kept; run again to go on from there")
    assert caught.value.exit_code == exit_code
    assert str(caught.value) == (
        f"{number.name} ended the run: 2 of 7 batches are kept; run again to go on from there"
    )
    assert pickle.loads(pickle.dumps(caught.value)).exit_code == exit_code


@pytest.mark.parametrize("first", BOTH)
@pytest.mark.parametrize("second", BOTH)
def test_a_second_signal_ends_it_at_once(first, second, caplog):
    with pytest.raises(KeyboardInterrupt), finish_first() as interrupt:
        raise_both(first, second)
    assert interrupt.signal_number == first
    assert len(caplog.records) == 1


def test_a_signal_after_it_is_what_it_was_before():
    with finish_first():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_the_handlers_come_back_also_after_an_error():
    before = signal.signal(signal.SIGTERM, print)
    with pytest.raises(ZeroDivisionError), finish_first():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) is print
    signal.signal(signal.SIGTERM, before)


def test_what_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    with finish_first() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.signal_number == 0
        signal.raise_signal(signal.SIGTERM)
        assert interrupt.signal_number == signal.SIGTERM
        signal.raise_signal(signal.SIGINT)  # still ignored, not a second one
    signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_signals_are_left_alone():
    seen = []

    def run() -> None:
        with finish_first() as interrupt:
            seen.append((interrupt, signal.getsignal(signal.SIGINT)))

    handler = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(Interrupt(), handler)]


def test_no_thread_stays_behind():
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt), finish_first():
        raise_both(signal.SIGINT, signal.SIGINT)
    assert set(threading.enumerate()) == before


class InterruptedWrite(io.StringIO):
    """A log that a signal comes to while it is being written, and that bears no second write."""

    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()  # as those of files and of other people's handlers
        self.writer: threading.Thread | None = None

    def write(self, text: str) -> int:
        assert self.writer is not threading.current_thread(), "a write within a write"
        with self.lock:
            self.writer = threading.current_thread()
            if "in hand" not in text:
                signal.raise_signal(signal.SIGTERM)
            self.writer = None
            return super().write(text)


def test_a_signal_in_the_middle_of_a_line_of_the_log_spoils_neither():
    log = InterruptedWrite()
    handler = logging.StreamHandler(log)
    logger = logging.getLogger("pipeline")
    logger.addHandler(handler)
    try:
        with finish_first() as interrupt:
            logger.error("a line of the run")
    finally:
        logger.removeHandler(handler)
    assert interrupt.signal_number == signal.SIGTERM
    first, second = log.getvalue().splitlines()
    assert first == "a line of the run"
    assert second.startswith("SIGTERM: the batch in hand is finished")


RUN = """
import logging, sys
from pipeline.errors import PipelineError
from pipeline.interrupts import finish_first
logging.basicConfig(format="%(message)s")
try:
    with finish_first() as interrupt:
        for batch in range(1000):
            print("batch", batch, flush=True)
            input()  # the work, which waits in the kernel as that for workers does
            interrupt.demand_none(f"{batch + 1} batches are kept")
except PipelineError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_process_that_is_signalled_while_it_waits_finishes_its_batch(number, exit_code):
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(RUN)],
        text=True, stdin=pipe, stdout=pipe, stderr=pipe,
    )  # fmt: skip
    try:
        print(file=process.stdin, flush=True)
        assert [process.stdout.readline() for _ in range(2)] == ["batch 0\n", "batch 1\n"]
        process.send_signal(number)
        announced = process.stderr.readline()
        assert process.poll() is None
        rest, told = process.communicate("\n", timeout=30)
    finally:
        process.kill()
    assert announced.startswith(f"{number.name}: the batch in hand is finished")
    assert (rest, told) == ("", f"{number.name} ended the run: 2 batches are kept\n")
    assert process.returncode == exit_code
