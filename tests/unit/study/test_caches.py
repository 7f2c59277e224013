"""What is kept of texts that were read is bounded by its memory, not by the number of texts: 16 KB of one can be 5 MB."""

import tracemalloc

import pytest

from dockml_dagster.study.dockerfile.reading import reading
from dockml_dagster.study.dockerfile.shell import scripts

TEXTS = ["FROM a\n", "ENV a=b\n", "RUN a\n", "A\n", "# a\n", "FROM a\nRUN true " + "a" * 3000 + "\n",
         *(f"FROM a\n{name} " + words * 5000 for name, words in
           (("COPY", "a "), ("ENV", "a=b "), ("EXPOSE", "1 "), ("RUN", "--mount=type=cache,target=/a "), ("LABEL", "a=b "),
            ("ARG", "a=b "), ("VOLUME", "a "), ("CMD", "a "), ("ENTRYPOINT", '["a"],')))]  # fmt: skip
SCRIPTS = ["a;", "a|", "a>b;", "$(a);", "a " * 400 + ";", "'" + "a" * 900 + "';"]


def _taken(read, text):
    tracemalloc.start()
    found = read(text)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert found
    return taken / len(text)


@pytest.mark.parametrize("text", TEXTS)
def test_a_reading_takes_at_most_320_times_its_text(text):
    reading.read_dockerfile(b"FROM a\n")
    assert _taken(lambda data: reading._read(data, {}), (text * 16384)[:16384].encode()) < 320


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_script_takes_at_most_320_times_its_text(text):
    scripts.read_script("a", "sh")
    assert _taken(scripts.long_scripts.read, (text * 4096)[:4096]) < 320


def test_many_large_texts_take_what_is_allowed():
    for at in range(150):
        reading.read_dockerfile(b"# " + b"a" * 12_000 + b"\nFROM a%d\n" % at)
        scripts.read_script("a" * 4000 + f" b{at}", "sh")
    for kept in (reading._remembered.cache, scripts._bash_kept.cache):
        assert kept.currsize <= reading.MOST_REMEMBERED == scripts.MOST_REMEMBERED
        assert 30 < len(kept) < 150


def test_what_was_read_is_not_read_again():
    text = b"FROM kept-once\n" + b"RUN a\n" * 9000
    assert reading.read_dockerfile(text) is reading.read_dockerfile(text)
