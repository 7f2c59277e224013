#!/usr/bin/env bash
# What action.yml runs: the SARIF log for code scanning, then the text for the log of the job, which decides.
set -euo pipefail
options=()
[ -z "${DOCKML_ACTION_BASELINE:-}" ] || options+=(--baseline "$DOCKML_ACTION_BASELINE")
dockml advise "$DOCKML_ACTION_PATH" "${options[@]}" --format sarif > "$DOCKML_ACTION_SARIF"
[ -z "${DOCKML_ACTION_FAIL_ON:-}" ] || options+=(--fail-on "$DOCKML_ACTION_FAIL_ON")
dockml advise "$DOCKML_ACTION_PATH" "${options[@]}"
