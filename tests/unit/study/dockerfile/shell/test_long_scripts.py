"""Long scripts: cut between statements they read as in one piece; statements that are too long are left out."""

import re
from dataclasses import replace

import pytest

from dockml_dagster.study.dockerfile.shell import bash, long_scripts
from dockml_dagster.study.dockerfile.shell import statements as cutting
from dockml_dagster.study.dockerfile.shell.scripts import MAX_SCRIPT, read_script, unaccounted
from dockml_dagster.study.dockerfile.shell.statements import statements

BLOCKS = [
    "apt-get update && apt-get install -y 'a;b' \"c && d\" || exit 1",
    "if [ -n \"$X\" ]; then\n  a; b\nelif c && d; then e; else f; fi",
    "for x in a b; do echo $x && y; done; after",
    "while read -r a; do b; done < list\nuntil c; do d; done",
    "case $X in\n  a|b) c; d ;;\n  (e) f && g ;;\n  *) h\nesac; i",
    "f() {\n  a; b && c\n}\nf; g ()\n{ a; }",
    "function f {\n  a; b\n}\nf",
    "(cd a && b; c) && d",
    "{ a; b && c; } > out; d",
    "cat > file <<EOF && next\nif ; not && a ) command\n$(a; b)\nEOF\nlast",
    "cat <<-'ONE' && next\n\tone ;\n\tONE\nafter; b",
    'x="$(a; b "c; $(d && e)")"; y',
    "x=`a; b`; z=${A:-b}; w=\"${A:-b}\"; v",
    "a # comment; not && cut here\nb; c; e",
    "[[ a && b || c ]] && d; ((a = 1 || 2)); e",
    "a &\nb & c",
    "a \\; b \\\" c; d",
    "time a | b; ! c && d",
    "echo ${#X} $# $'a;b'; cat <<< 'a; b'; c",
]  # fmt: skip


@pytest.mark.parametrize("block", BLOCKS)
def test_cut_and_whole_say_the_same(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join([block] * 3) + "\nlast ;"
    whole = bash.read(text)
    assert not whole.parse_error
    monkeypatch.setattr(long_scripts, "_PART", 1)
    monkeypatch.setattr(long_scripts, "WHOLE", len(text) - 1)
    monkeypatch.setattr(long_scripts, "_LONG_STATEMENTS", 100)
    cut = long_scripts.read(text)
    assert len(list(statements(text))) > 3
    assert [replace(found, joined="") for found in cut.commands] == [
        replace(found, joined="") for found in whole.commands
    ]
    assert unaccounted(cut) == ()
    assert not cut.parse_error


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        # What bash says, where the grammar does not.
        ("cat <<'A' <<-B; b\n; A\nA\n\t&& B\n\tB\nc", ["cat <<'A' <<-B; b\n; A\nA\n\t&& B\n\tB", "c"]),
        ('a # "; b\nc#d; e', ['a # "; b', "c#d;", " e"]),
        ('w="${A:-"b; c"}"; d', ['w="${A:-"b; c"}";', " d"]),
        ('a "b"#c; d', ['a "b"#c;', " d"]),
        ("a ${B}if; c; fi", ["a ${B}if;", " c;", " fi"]),
        ("a; cat <<B\nb; c", ["a;", " cat <<B\nb; c"]),
        ("a; 'b; c", ["a;", " 'b; c"]),
        ("a; ) b; c", ["a;", " ) b; c"]),
        ("&& a; ; b &&", ["&& a; ;", " b &&"]),
        ("; ; &&", ["; ; &&"]),
    ],
)
def test_where_it_is_cut(text: str, parts: list[str]) -> None:
    assert [text[one.start : one.end] for one in statements(text)] == parts


def test_a_statement_knows_what_joins_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_scripts, "WHOLE", 20)
    monkeypatch.setattr(long_scripts, "_PART", 1)
    monkeypatch.setattr(long_scripts, "_LONG_STATEMENTS", 100)
    read = long_scripts.read("a && b || c ; d\ne | f && ( g ; h ) && i")
    joined = [(found.name, found.joined) for found in read.commands]
    assert joined == [
        ("a", ""), ("b", "&&"), ("c", "||"), ("d", ";"), ("e", "\n"), ("f", "|"), ("g", "&&"), ("h", ";"), ("i", "&&"),
    ]  # fmt: skip


def test_what_is_too_long_is_left_out_and_the_rest_read() -> None:
    good = "pip install torch==2.0\n" * 200
    read = read_script(f"{good}echo {'a' * long_scripts.WHOLE}\n{good}", "sh")
    assert sum(found.name == "pip" for found in read.commands) == 400
    assert [len(found.text) > long_scripts.WHOLE for found in read.operators if found.kind == "unparsed"] == [
        True
    ]
    assert read.censored
    assert read.parse_error


def test_few_long_statements_are_read() -> None:
    long = f"if a; then {'b; ' * 1000} fi\n"
    read = read_script(long * 8, "sh")
    assert sum(found.name == "a" for found in read.commands) == long_scripts._LONG_STATEMENTS
    assert read.censored


@pytest.mark.parametrize("hostile", [")", "a=(", "((a", "|", "<<A\n", '"$(', "`", "'", "if a; then )\n"])
def test_up_to_the_cap_nothing_is_lost(hostile: str) -> None:
    text = hostile * (MAX_SCRIPT // len(hostile))
    assert unaccounted(read_script(text, "sh")) == ()


@pytest.mark.parametrize(
    "text", ["a#" * 2000, '"' + "a#" * 2000 + '"', "\r" + "##\r" * 2000, "# a\n" * 2000, "a #\n" * 2000]
)
def test_each_character_is_looked_at_few_times(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    class Counting:
        def search(self, text: str, at: int) -> re.Match[str] | None:
            found = token.search(text, at)
            taken.append(found.end() - found.start() if found else 0)
            return found

    token = cutting._TOKEN
    monkeypatch.setattr(cutting, "_TOKEN", Counting())
    list(statements(text))
    assert 0 < sum(taken) <= len(text)
