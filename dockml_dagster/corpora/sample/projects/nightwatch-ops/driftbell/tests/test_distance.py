from driftbell.distance import stability_index


def test_nothing_changed():
    assert stability_index(list(range(100)), list(range(100))) < 0.01


def test_all_moved():
    assert stability_index(list(range(100)), list(range(500, 600))) > 1
