#!/usr/bin/env bash
set -euo pipefail
source "/opt/ros/${ROS:-humble}/setup.bash"
source /opt/keelpilot/install/setup.bash
exec ros2 launch keelpilot boat.launch.py "$@"
