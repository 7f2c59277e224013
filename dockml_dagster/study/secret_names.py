"""Which names of variables are those of secrets.

Here: the names, for Dockerfiles and images alike. Not here: values, which nothing in dockml records.
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
