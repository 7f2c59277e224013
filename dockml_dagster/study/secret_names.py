"""Which names of variables are those of secrets.

Here: the names, for Dockerfiles and images alike, and values that cannot be one. Nothing in dockml records a value.
"""

import re

# The words of BuildKit's own check SecretsUsedInArgOrEnv between underscores or at the ends of a name, and a few more.
_SECRET = re.compile(
    r"(?i)(?:^|_)(?:api_?key|auth|credentials?|key|password|pword|passwd|passphrase|pwd|secret|token)(?:_|$)"
)
# Words by which a name is that of something else: BuildKit's (public, file, version), places and fingerprints, and the
# counts, switches and special tokens that models and their servers have.
_NOT_SECRET = re.compile(
    r"(?i)(?:^|_)(?:public|file|version|path|url|uri|dir|folder|fingerprint|keyring|keyserver|"
    r"max|min|num|count|limit|limits|length|len|size|ttl|timeout|expiry|expire|expires|expiration|interval|"
    r"enable|enabled|disable|disabled|use|skip|allow|require|required|type|method|mode|backend|provider|"
    r"eos|bos|pad|unk|sep|cls|mask|special|stop)(?:_|$)|key_?server|key_?id(?:_|$)|gpg_key|apt_key|tokenizer"
)


def names_a_secret(name: str) -> bool:
    """Whether a variable of this name looks like a secret. The value is not looked at."""
    return bool(_SECRET.search(name)) and not _NOT_SECRET.search(name)


# Further words by which a variable that is set for a program is a count, a switch or a special token. What a file of an
# image says under such a name is looked at all the same.
_SET_FOR_A_PROGRAM = re.compile(
    r"(?i)(?:^|_)(?:budget|per|no|without|random|next|prefetch|merging|start|end|begin)(?:_|$)"
)
# What a switch is set to; counts and special tokens, as models and their servers have them.
_SWITCH = re.compile(r"(?i)(?:true|false|yes|no|on|off|none|null|enabled|disabled)\Z")
_COUNT_OR_MARK = re.compile(r"\d{1,7}\Z|[<\[].{0,40}[>\]]\Z")


def is_no_secret(name: str, value: str) -> bool:
    """Whether an ENV or ARG whose name has a secret's word is that of a switch (``WEBUI_AUTH=False``, ``NO_AUTH``), a
    count or a special token (``IMAGE_TOKEN="<img>"``). Only the answer leaves this function.
    """
    return bool(
        _SET_FOR_A_PROGRAM.search(name)
        or _SWITCH.match(value)
        or ("token" in name.lower() and _COUNT_OR_MARK.match(value))
    )
