"""Ctrl-C ends the command even if the handler of the moment swallows it, as Dagster's does after the last step of a run."""

import os
import signal
import threading
from types import SimpleNamespace

import pytest

from dockml_dagster.commands.study import interrupts
from dockml_dagster.commands.study.runner import Runner


@pytest.fixture(autouse=True)
def swallowed():
    before = signal.signal(signal.SIGINT, lambda *_: None)
    yield
    signal.signal(signal.SIGINT, before)


def _runner(during):
    def execute_in_process(**_):
        during()
        return SimpleNamespace(success=True, run_id="r")

    runner = Runner.__new__(Runner)
    runner._fleet = runner.instance = None
    runner._definitions = SimpleNamespace(
        resolve_job_def=lambda _: SimpleNamespace(execute_in_process=execute_in_process)
    )
    return runner


def _interrupt(number=signal.SIGINT):
    os.kill(os.getpid(), number)


def test_a_run_that_swallowed_it_raises():
    with pytest.raises(KeyboardInterrupt):
        _runner(_interrupt).list_projects("sample")
    _runner(lambda: None).list_projects("sample")


def test_it_is_noticed_once_and_no_other_signal_is():
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    with interrupts.noticed() as arrived:
        _interrupt(signal.SIGUSR1)
        assert not arrived()
        _interrupt()
        assert arrived()
        assert not arrived()
    with interrupts.noticed() as arrived:
        assert not arrived()
    signal.signal(signal.SIGUSR1, before)


def test_what_watched_signals_before_watches_again():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    with interrupts.noticed():
        pass
    assert signal.set_wakeup_fd(-1) == writing
    os.close(reading)
    os.close(writing)


def test_another_thread_watches_nothing():
    answers = []

    def ask():
        with interrupts.noticed() as arrived:
            _interrupt()
            answers.append(arrived())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert answers == [False]
