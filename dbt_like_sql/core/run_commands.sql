-- One row per simple command inside RUN of a Dockerfile, as BuildKit and the shell see it.
SELECT
    files.corpus,
    files.project,
    files.path,
    files.valid AS dockerfile_valid,
    read.instruction_position,
    read.command_position,
    read.build_stage,
    read.line,
    read.name,
    read.program,
    read.task,
    read.task_as_published,
    read.task_detail,
    read.rule,
    read.nested,
    read.parse_error
FROM core.dockerfiles AS files
JOIN raw.dockerfile_run_commands AS read ON read.sha256 = files.sha256
