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
    r"budget|per|no|without|random|next|prefetch|merging|start|end|begin|"
    r"eos|bos|pad|unk|sep|cls|mask|special|stop)(?:_|$)|key_?server|key_?id(?:_|$)|gpg_key|apt_key|tokenizer"
)


def names_a_secret(name: str) -> bool:
    """Whether a variable of this name looks like a secret. The value is not looked at."""
    return bool(_SECRET.search(name)) and not _NOT_SECRET.search(name)


# What a switch is set to; counts and special tokens, as models and their servers have them.
_SWITCH = re.compile(r"(?i)(?:true|false|yes|no|on|off|none|null|enabled|disabled)\Z")
_COUNT_OR_MARK = re.compile(r"\d{1,7}\Z|[<\[].{0,40}[>\]]\Z")


def is_no_secret(name: str, value: str) -> bool:
    """Whether a literal value shows that a name with a secret's word is that of a switch (``WEBUI_AUTH=False``), a count
    or a special token (``IMAGE_TOKEN="<img>"``). Only the answer leaves this function.
    """
    return bool(_SWITCH.match(value) or ("token" in name.lower() and _COUNT_OR_MARK.match(value)))
