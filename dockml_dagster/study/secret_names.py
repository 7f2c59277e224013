"""Which names of variables denote secrets.

Here: the names, for Dockerfiles and images alike, and values that cannot be secrets. dockml never records a value. Not here:
secrets in files (``secrets``).
"""

import re

# The words of BuildKit's check SecretsUsedInArgOrEnv, between underscores or at the ends of a name, and a few more.
_SECRET = re.compile(
    r"(?i)(?:^|_)(?:api_?key|auth|credentials?|key|password|pword|passwd|passphrase|pwd|secret|token)(?:_|$)"
)
# Words with which a name denotes something else: BuildKit's (public, file, version), places and fingerprints, and counts,
# switches and special tokens of models and their servers.
_NOT_SECRET = re.compile(
    r"(?i)(?:^|_)(?:public|file|version|path|url|uri|dir|folder|fingerprint|keyring|keyserver|"
    r"max|min|num|count|limit|limits|length|len|size|ttl|timeout|expiry|expire|expires|expiration|interval|"
    r"enable|enabled|disable|disabled|use|skip|allow|require|required|type|method|mode|backend|provider|"
    r"eos|bos|pad|unk|sep|cls|mask|special|stop)(?:_|$)|key_?server|key_?id(?:_|$)|gpg_key|apt_key|tokenizer"
)


def names_a_secret(name: str) -> bool:
    """Whether a variable of this name looks like a secret. The value does not matter."""
    return bool(_SECRET.search(name)) and not _NOT_SECRET.search(name)


# Further words with which a variable set for a program is a count, a switch or a special token. In files of an image,
# values under such names are searched all the same.
_SET_FOR_A_PROGRAM = re.compile(
    r"(?i)(?:^|_)(?:budget|per|no|without|random|next|prefetch|merging|start|end|begin)(?:_|$)"
)
# Values of switches; then counts and special tokens of models and their servers.
_SWITCH = re.compile(r"(?i)(?:true|false|yes|no|on|off|none|null|enabled|disabled)\Z")
# A place of at least two folders: what is there may be secret, but it is not here.
_PLACE = re.compile(r"(?:~|\.{1,2})?(?:/[\w.-]+){2,}/?\Z")
_COUNT_OR_MARK = re.compile(r"\d{1,7}\Z|[<\[].{0,40}[>\]]\Z")


def is_no_secret(name: str, value: str) -> bool:
    """Whether an ENV or ARG whose name looks like a secret is a switch (``WEBUI_AUTH=False``, ``NO_AUTH``), a place
    (``TLS_KEY=/etc/ssl/key.pem``), a count or a special token (``IMAGE_TOKEN="<img>"``). Only the answer leaves this
    function, never the value.
    """
    return bool(
        _SET_FOR_A_PROGRAM.search(name)
        or _SWITCH.match(value)
        or _PLACE.match(value)
        or ("token" in name.lower() and _COUNT_OR_MARK.match(value))
    )
