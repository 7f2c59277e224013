-- Beside `dockml`, which the image makes itself: the database of Dagster's storage.
CREATE DATABASE dagster OWNER dockml;
