"""The text of an instruction from a history entry: the forms of every builder, without secrets."""

from __future__ import annotations

import time

import pytest

from dockml_dagster.study.image.instruction_text import instruction_text


@pytest.mark.parametrize(
    ("created_by", "text"),
    [
        ('/bin/sh -c #(nop)  CMD ["python3"]', 'CMD ["python3"]'),
        ("/bin/sh -c #(nop) ADD file:ab12 in / ", "ADD file:ab12 in /"),
        (
            "/bin/sh -c apt-get update \t&& apt-get install -y git",
            "RUN apt-get update && apt-get install -y git",
        ),
        ("RUN /bin/sh -c pip install torch # buildkit", "RUN pip install torch"),
        ("RUN /bin/bash -o pipefail -c curl x | tar xz # buildkit", "RUN curl x | tar xz"),
        ("COPY . /app # buildkit", "COPY . /app"),
        ("RUN |2 HF_TOKEN=hf_abcdefghijklmnop A=b c /bin/sh -c make all # buildkit", "RUN make all"),
        ("|1 PASS=two words /bin/sh -c make", "RUN make"),
        ("|1 PASS=two words", "RUN"),
        ("RUN set -ex;\n  pip install x", "RUN set -ex; pip install x"),
        ("bazel build ...", "bazel build ..."),
    ],
)
def test_forms(created_by: str, text: str) -> None:
    assert instruction_text(created_by) == text


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("git clone https://me:s3cret@example.com/r", "git clone https://***@example.com/r"),
        ("curl -H 'Authorization: Bearer s3cret' x", "curl -H 'Authorization: Bearer ***' x"),
        ("DB_PASSWORD=s3cret ./setup", "DB_PASSWORD=*** ./setup"),
        ("x --password s3cret --user me", "x --password *** --user me"),
        ('x --api-token="s3 cret" y', "x --api-token=*** y"),
        ("huggingface-cli login --token hf_s3cretS3cretS3cret", "huggingface-cli login --token ***"),
        (
            "pip install git+https://ghp_s3cretS3cretS3cret@github.com/a/b",
            "pip install git+https://***@github.com/a/b",
        ),
        ("echo ghp_s3cretS3cretS3cret", "echo ***"),
        ("aws configure set x AKIAS3CRETS3CRET12", "aws configure set x ***"),
        ("pip install tokenizers==0.15 secretstorage", "pip install tokenizers==0.15 secretstorage"),
    ],
)
def test_secrets_are_masked(command: str, shown: str) -> None:
    assert instruction_text(f"RUN /bin/sh -c {command} # buildkit") == f"RUN {shown}"


def test_what_is_hostile_takes_no_time() -> None:
    started = time.process_time()
    for text in ("-" * 10**6, "a-" * 10**6, "|1 " + "/bin/sh " * 10**5, "token" * 10**6, "a://" * 10**5):
        assert len(instruction_text(text)) <= 20_000
    assert time.process_time() - started < 20  # backtracking would take minutes


def test_a_long_entry_is_read_in_part() -> None:
    assert instruction_text("RUN " + "a" * 20_000) == "RUN " + "a" * (16_384 - 4)
