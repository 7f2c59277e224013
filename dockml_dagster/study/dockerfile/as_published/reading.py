"""The reading ``as_published``: what the study's own code sees in the same bytes.

Here: dockerfile-parse 2.0.1, wrapped so that it can neither raise nor touch a file, and the study's count
of words by class. Not here: any correction (``reading``, ``run.tasks``), the comparison (``difference``).

Known faults, kept on purpose (each has a test): bodies of here-documents and what follows a blank line in a
continuation become instructions; a byte-order mark hides the first FROM; bytes that are not UTF-8 end the
reading; ``${V:-x}`` is mangled; stage names and ``scratch`` count as parent images. Words are counted over
the value of *every* instruction, so ``apt-get install`` counts for two classes.
"""

from collections import Counter
from dataclasses import dataclass
from io import BytesIO

CLASS_WORDS: dict[str, tuple[str, ...]] = {
    "Dependencies": (
        "apt-get",
        "apt",
        "apt-key",
        "add-apt-repository",
        "dpkg",
        "rpm",
        "yum",
        "dnf",
        "apk",
        "apk-install",
        "pip",
        "pip3",
        "easy_install",
        "conda",
        "npm",
        "nvm",
        "bower",
        "gem",
        "bundle",
        "composer",
        "lein",
        "mvn",
        "cabal",
        "pecl",
        "puppet",
        "godep",
        "curl",
        "wget",
        "git",
        "svn",
    ),
    "Filesystem": (
        "echo",
        "mkdir",
        "rm",
        "cd",
        "tar",
        "sed",
        "ln",
        "mv",
        "cp",
        "unzip",
        "pacman",
        "touch",
        "ls",
        "cat",
        "find",
    ),
    "Build/Execute": (
        "make",
        "cmake",
        "./configure",
        "install",
        "python",
        "python3",
        "go",
        "bash",
        "/bin/bash",
        "sh",
        "service",
    ),
    "Environment": ("set", "export", "source", "virtualenv"),
    "Permissions": ("chmod", "chown", "useradd", "groupadd", "adduser", "usermod", "addgroup"),
}
"""The study's word lists, from its code, after the classes of Cito et al. 2017."""

CLASS_OF_WORD = {word: name for name, words in CLASS_WORDS.items() for word in words}

MAX_SIZE = 256 << 10
"""Largest file, in bytes, that dockerfile-parse is given: it takes quadratic time on continuations."""


@dataclass(frozen=True, slots=True)
class PublishedInstruction:
    """One instruction as dockerfile-parse cuts it. Lines are counted from 1."""

    keyword: str
    start_line: int
    end_line: int
    value: str


@dataclass(frozen=True, slots=True)
class PublishedReading:
    """What the study's tools read from a file.

    ``readable`` is false, and ``reason`` set, where dockerfile-parse raises; everything else is then empty.
    ``instructions`` hold no comments (``comments`` counts them). ``class_words`` counts hits of the word lists
    by class, ``words`` by word. ``parent_images`` is ``None`` where reading only them failed
    (``parent_images_reason``).
    """

    readable: bool
    reason: str | None
    instructions: tuple[PublishedInstruction, ...] = ()
    comments: int = 0
    keyword_counts: tuple[tuple[str, int], ...] = ()
    from_count: int = 0
    parent_images: tuple[str, ...] | None = None
    parent_images_reason: str | None = None
    class_words: tuple[tuple[str, int], ...] = ()
    words: tuple[tuple[str, int], ...] = ()

    @property
    def keywords(self) -> tuple[str, ...]:
        """The sequence of keywords, in upper case as the library gives them."""
        return tuple(instruction.keyword for instruction in self.instructions)


def read_as_published(data: bytes) -> PublishedReading:
    """Read one file as the study did. Never raises; never opens or writes a file."""
    if len(data) > MAX_SIZE:
        return PublishedReading(False, f"larger than {MAX_SIZE} bytes: not given to dockerfile-parse")
    from dockerfile_parse import DockerfileParser

    try:
        # Without `fileobj` the library reads, and on assignment overwrites, ./Dockerfile.
        parser = DockerfileParser(fileobj=BytesIO(data))
        structure = parser.structure
    except Exception as error:
        return PublishedReading(False, f"{type(error).__name__}: {error}"[:200])
    parents: tuple[str, ...] | None = None
    parents_reason: str | None = None
    try:
        parents = tuple(str(image) for image in parser.parent_images)
    except Exception as error:
        parents_reason = f"{type(error).__name__}: {error}"[:200]
    instructions = tuple(
        PublishedInstruction(
            str(item["instruction"]), item["startline"] + 1, item["endline"] + 1, str(item["value"])
        )
        for item in structure
        if item["instruction"] != "COMMENT"
    )
    keywords = Counter(instruction.keyword for instruction in instructions)
    words = Counter(
        word for instruction in instructions for word in instruction.value.split() if word in CLASS_OF_WORD
    )
    classes = Counter(dict.fromkeys(CLASS_WORDS, 0))
    for word, count in words.items():
        classes[CLASS_OF_WORD[word]] += count
    return PublishedReading(
        True,
        None,
        instructions,
        len(structure) - len(instructions),
        tuple(keywords.most_common()),
        keywords.get("FROM", 0),
        parents,
        parents_reason,
        tuple(classes.items()),
        tuple(words.most_common()),
    )
