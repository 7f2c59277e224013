"""Mooring mission: approach the berth on the lee side, stop, hold for the lines."""

import time

from pymavlink import mavutil

BERTH = (54.3213, 10.1349)

link = mavutil.mavlink_connection("udpout:127.0.0.1:14550")
link.wait_heartbeat(timeout=10)
for metres_per_second in (1.5, 0.8, 0.3, 0.0):
    link.mav.command_long_send(1, 1, mavutil.mavlink.MAV_CMD_DO_CHANGE_SPEED, 0, 1, metres_per_second, -1, 0, 0, 0, 0)
    time.sleep(20)
