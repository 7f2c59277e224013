"""The rules for secrets: credential files by name, and tokens by the forms that their issuers publish.

Here: rules as data. A rule for tokens has a literal that is searched first, because an expression over every file would
cost more than reading the layer. An expression has a group ``secret`` or matches the secret as a whole, and bounds every
repetition. Not here: applying them (``looking``).

Forms are those that issuers document (prefix, length, alphabet), as scanners such as trivy and GitHub's secret scanning do.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class TokenRule(NamedTuple):
    """Files with ``literal`` are searched for ``form`` near it. ``reach``: how many bytes before it the form may begin.
    ``mark``: a text that each match contains and that ``looking`` finds sooner; it may be the literal.
    """

    name: str
    literal: bytes
    form: bytes
    reach: int
    mark: bytes

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """The compiled form. It is compiled on first use, because most layers have the literals of few rules."""
        return re.compile(self.form)


class FileRule(NamedTuple):
    """Files whose paths match are searched as a whole for ``pattern``, in any folder."""

    name: str
    path: re.Pattern[str]
    form: bytes

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """The compiled form, as in ``TokenRule``."""
        return re.compile(self.form)


def _token(name: str, literal: str, pattern: str, reach: int = 0, mark: str = "") -> TokenRule:
    return TokenRule(name, literal.encode(), pattern.encode(), reach, (mark or literal).encode())


_START: Final = r"(?<![A-Za-z0-9_-])"
_END: Final = r"(?![A-Za-z0-9_-])"

PRIVATE_KEY: Final = _token(
    "private-key",
    "PRIVATE KEY",
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:\\r|\\n|\s){1,8}"
    r"(?:[A-Za-z-]{1,30}: [^\r\n]{0,200}[\r\n]{1,4}){0,4}(?P<secret>(?:[A-Za-z0-9+/=]|\\[rn]|[\r\n]){64})",
    reach=60,
)
"""Searched in all files. It needs 64 characters of the key, because code has the marker alone."""

_PREFIXED: Final = (
    # name, literal, what follows it
    ("github-token", "ghp_", "[A-Za-z0-9]{36}"),
    ("github-token", "gho_", "[A-Za-z0-9]{36}"),
    ("github-token", "ghu_", "[A-Za-z0-9]{36}"),
    ("github-token", "ghs_", "[A-Za-z0-9]{36}"),
    ("github-token", "ghr_", "[A-Za-z0-9]{36,76}"),
    ("github-token", "github_pat_", "[A-Za-z0-9_]{82}"),
    ("gitlab-token", "glpat-", "[A-Za-z0-9_-]{20,300}"),
    ("hugging-face-token", "hf_", "[A-Za-z]{34}"),
    ("stripe-key", "sk_live_", "[A-Za-z0-9]{16,247}"),
    ("stripe-key", "rk_live_", "[A-Za-z0-9]{16,247}"),
    ("pypi-token", "pypi-AgE", "[A-Za-z0-9_-]{50,1000}"),
    ("npm-token", "npm_", "[A-Za-z0-9]{36}"),
    ("sendgrid-key", "SG.", r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("digitalocean-token", "dop_v1_", "[a-f0-9]{64}"),
    ("digitalocean-token", "doo_v1_", "[a-f0-9]{64}"),
    ("google-api-key", "AIza", "[A-Za-z0-9_-]{35}"),
    ("shopify-token", "shpat_", "[a-fA-F0-9]{32}"),
    ("shopify-token", "shpss_", "[a-fA-F0-9]{32}"),
    ("anthropic-key", "sk-ant-", "[A-Za-z0-9_-]{80,200}"),
    ("docker-hub-token", "dckr_pat_", "[A-Za-z0-9_-]{27}"),
    ("docker-hub-token", "dckr_oat_", "[A-Za-z0-9_-]{27,60}"),
    ("databricks-token", "dapi", "[a-f0-9]{32}(?:-[0-9])?"),
    ("replicate-token", "r8_", "[A-Za-z0-9]{37}"),
    ("vault-token", "hvs.", "[A-Za-z0-9_-]{24,300}"),
    ("postman-key", "PMAK-", "[a-f0-9]{24}-[a-f0-9]{34}"),
    ("grafana-token", "glc_", "[A-Za-z0-9+/=]{32,400}"),
    ("grafana-token", "glsa_", "[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
    ("age-key", "AGE-SECRET-KEY-1", "[0-9A-Z]{58}"),
    ("groq-key", "gsk_", "[A-Za-z0-9]{52}"),
    ("xai-key", "xai-", "[A-Za-z0-9]{80}"),
    ("langsmith-key", "lsv2_", "(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    ("terraform-token", "atlasv1.", "[A-Za-z0-9_-]{60,70}"),
    ("sentry-token", "sntrys_", "[A-Za-z0-9_=+/-]{60,400}"),
    ("linear-key", "lin_api_", "[A-Za-z0-9]{40}"),
    ("new-relic-key", "NRAK-", "[A-Z0-9]{27}"),
    ("doppler-token", "dp.pt.", "[A-Za-z0-9]{43}"),
)

TOKENS: Final = (
    *(
        _token(name, literal, f"{_START}{re.escape(literal)}{rest}{_END}")
        for name, literal, rest in _PREFIXED
    ),
    _token("aws-key", "AKIA", r"(?<![A-Za-z0-9])AKIA[A-Z2-7]{16}(?![A-Za-z0-9])"),
    _token("aws-key", "ASIA", r"(?<![A-Za-z0-9])ASIA[A-Z2-7]{16}(?![A-Za-z0-9])"),
    _token(
        "aws-secret-key",
        "secret_access_key",
        r"(?i:aws_)?secret_access_key[\"']?\s{0,5}[:=]\s{0,5}[\"']?(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
        4,
        "secret_",
    ),
    _token(
        "aws-secret-key",
        "SECRET_ACCESS_KEY",
        r"SECRET_ACCESS_KEY[\"']?\s{0,5}[:=]\s{0,5}[\"']?(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])",
    ),
    *(
        _token("slack-token", f"xox{kind}-", _START + rf"xox{kind}-[A-Za-z0-9-]{{20,250}}")
        for kind in "abeoprs"
    ),
    _token(
        "slack-webhook",
        "hooks.slack.com/services/",
        r"hooks\.slack\.com/services/T[A-Z0-9]{6,12}/B[A-Z0-9]{6,12}/(?P<secret>[A-Za-z0-9]{20,30})",
    ),
    _token(
        "openai-key",
        "T3BlbkFJ",
        _START + r"sk-[A-Za-z0-9_-]{20,120}T3BlbkFJ[A-Za-z0-9_-]{20,120}",
        124,
        "sk-",
    ),
    _token("mailgun-key", "mailgun", r"mailgun[^\r\n]{0,60}(?P<secret>key-[a-f0-9]{32})" + _END, 0, "key-"),
    _token(
        "wandb-key",
        "WANDB_API_KEY",
        r"WANDB_API_KEY[\"']?\s{0,5}[:=]\s{0,5}[\"']?(?P<secret>[a-f0-9]{40})(?![a-f0-9])",
    ),
    _token("azure-key", "AccountKey=", r"AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)"),
    _token(
        "json-web-token",
        "eyJ",
        _START + r"eyJ[A-Za-z0-9_-]{15,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,1000}",
        0,
        ".eyJ",
    ),
)
"""Searched outside the folders that package managers fill."""


def _file(name: str, path: str, pattern: str) -> FileRule:
    return FileRule(name, re.compile(rf"(?s:(?:.*/)?(?:{path}))"), pattern.encode())


_VALUE: Final = r"[\"']?(?P<secret>[^\s\"'#;]{6,500})"

FILES: Final = (
    _file("netrc", r"[._]netrc", r"password\s{1,20}(?P<secret>\S{3,500})"),
    _file(
        "git-credentials",
        r"\.git-credentials|\.config/git/credentials",
        r"https?://[^:@/\s]{0,200}:(?P<secret>[^@/\s]{3,500})@",
    ),
    _file("pypirc", r"\.pypirc", rf"(?m)^\s{{0,20}}password\s{{0,5}}[:=]\s{{0,5}}{_VALUE}"),
    _file("npmrc", r"\.npmrc", rf"(?m)(?:_authToken|_auth|_password)\s{{0,5}}=\s{{0,5}}{_VALUE}"),
    _file(
        "docker-login",
        r"\.docker/config\.json|\.dockercfg|\.config/containers/auth\.json",
        r"\"auth\"\s{0,5}:\s{0,5}\"(?P<secret>[A-Za-z0-9+/=]{8,4000})\"",
    ),
    _file(
        "aws-credentials",
        r"\.aws/credentials",
        r"aws_(?:secret_access_key|session_token)\s{0,5}=\s{0,5}(?P<secret>\S{20,4000})",
    ),
    _file(
        "hugging-face-token",
        r"\.cache/huggingface/(?:token|stored_tokens)|\.huggingface/token",
        r"(?P<secret>hf_[A-Za-z]{20,60})",
    ),
    _file(
        "kaggle-key",
        r"\.kaggle/kaggle\.json|\.config/kaggle/kaggle\.json",
        r"\"key\"\s{0,5}:\s{0,5}\"(?P<secret>[a-f0-9]{20,64})\"",
    ),
    _file(
        "gcloud-credentials",
        r"\.config/gcloud/(?:application_default_credentials|legacy_credentials/.*)\.json",
        r"\"(?:refresh_token|private_key)\"\s{0,5}:\s{0,5}\"(?P<secret>[^\"]{20,})",
    ),
    _file(
        "azure-tokens",
        r"\.azure/(?:accessTokens|msal_token_cache)\.json",
        r"\"(?:accessToken|refreshToken|secret)\"\s{0,5}:\s{0,5}\"(?P<secret>[^\"]{20,})",
    ),
    _file("kubeconfig", r"\.kube/config", r"(?:token|client-key-data|password):\s{1,5}(?P<secret>\S{8,})"),
    _file("vault-token", r"\.vault-token", r"(?P<secret>\S{20,})"),
    _file("github-login", r"\.config/gh/hosts\.yml", r"oauth_token:\s{0,5}(?P<secret>\S{20,})"),
    _file(
        "package-index-login",
        r"pip\.conf|\.pip/pip\.conf|pip\.ini|\.condarc|uv\.toml|sources\.list|auth\.conf|\.Renviron",
        r"https?://[^:@/\s]{0,200}:(?P<secret>[^@/\s]{3,500})@",
    ),
    _file(
        "url-login",
        r"[^/]+\.(?:ya?ml|toml|ini|cfg|conf|env|properties|json)|\.env(?:\.[^/]+)?",
        r"[a-z][a-z0-9+.-]{1,30}://[A-Za-z0-9._~%-]{1,100}:(?P<secret>[^@/\s\"'<>{}$]{6,200})@[A-Za-z0-9.-]{1,200}",
    ),
)
ENV_FILE: Final = re.compile(r"(?s:(?:.*/)?(?:\.env(?:\.[^/]+)?|[^/]+\.env))")
ENV_LINE: Final = re.compile(
    rb"(?m)^[ \t]{0,20}(?:export[ \t]{1,5})?([A-Za-z_][A-Za-z0-9_]{0,100})[ \t]{0,5}=[ \t]{0,5}[\"']?([^\s\"'#]{6,2000})"
)
_NO_SECRET_FILE: Final = re.compile(r"(?i)example|sample|template|\.dist$|\.tpl$|schema")


def is_template(path: str) -> bool:
    """Whether a file's name says that it is a template, such as `.env.example`."""
    return _NO_SECRET_FILE.search(path.rpartition("/")[2]) is not None
