"""Limits on the time that work on one target may take."""

import pytest

from dockml_dagster.study.deadline import OutOfTimeError, check_time, is_over, time_limit


class _Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def _work(steps=200):
    for _ in range(steps):
        check_time()


def test_without_a_limit_nothing_is_asked():
    _work()
    assert not is_over()


def test_work_ends_when_its_time_is_over():
    clock = _Clock()
    with time_limit(5, clock):
        _work()
        clock.now = 5.1
        assert is_over()
        with pytest.raises(OutOfTimeError, match="not read within 5 s"):
            _work()
    _work()


def test_an_inner_limit_does_not_lengthen_the_outer_one():
    clock = _Clock()
    with time_limit(5, clock), time_limit(50, clock):
        clock.now = 6
        with pytest.raises(OutOfTimeError, match="5 s"):
            _work()


def test_by_default_it_is_processor_time_of_this_thread():
    with time_limit(0.02), pytest.raises(OutOfTimeError):
        while True:
            check_time()
