"""The digest of a manifest: that of its bytes, or of the signed text inside it.

Here: what is hashed of a signed schema 1 manifest. Not here: what a manifest says (``manifest``), digests of blobs.
Source: Docker's manifest v2 schema 1, "Signed manifests".
"""

import base64
import binascii
import hashlib

from dockml_dagster.study.image.manifest import MAX_MANIFEST_BYTES
from dockml_dagster.study.image.reference import Digest
from dockml_dagster.study.json_facts import BrokenJsonError, read_object


def manifest_has_digest(body: bytes, digest: Digest) -> bool:
    """Whether ``digest`` is this manifest's. That of a signed schema 1 manifest is of the text without signatures."""
    if hashlib.new(digest.algorithm, body).hexdigest() == digest.hex:
        return True
    payload = schema1_payload(body)
    return payload is not None and hashlib.new(digest.algorithm, payload).hexdigest() == digest.hex


def manifest_digest(body: bytes) -> Digest:
    """The manifest's digest, SHA-256."""
    payload = schema1_payload(body)
    return Digest("sha256", hashlib.sha256(body if payload is None else payload).hexdigest())


def schema1_payload(body: bytes) -> bytes | None:
    """The signed text inside a ``prettyjws`` manifest; None if the body is not one.

    A signature's protected header gives the length and the end of the text without signatures (libtrust, "JSON
    signature").
    """
    if b'"signatures"' not in body:
        return None
    try:
        facts = read_object(body, MAX_MANIFEST_BYTES)
        signatures = facts.objects("signatures")
        protected = signatures[0].text("protected") if signatures else None
        if protected is None:
            return None
        header = read_object(_from_base64url(protected), 1 << 16)
        length, tail = header.whole("formatLength"), header.text("formatTail")
        if length is None or tail is None or length > len(body):
            return None
        return body[:length] + _from_base64url(tail)
    except (BrokenJsonError, binascii.Error, ValueError):
        return None


def _from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
