-- The tables that collection fills. What each column means is in dbt_like_sql/raw.yml.
-- Every row says where it came from (source, source_file, source_row) and when it was seen; nothing is
-- overwritten or de-duplicated here: row_hash makes a second visit that finds the same row a no-op.

CREATE TABLE raw.candidates (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    cohort VARCHAR,
    repository_id BIGINT,
    step VARCHAR NOT NULL,
    step_number BIGINT NOT NULL,
    keyword VARCHAR,
    search_round BIGINT,
    searched_on DATE,
    stars BIGINT,
    forks BIGINT,
    commits BIGINT,
    releases BIGINT,
    dockerfiles BIGINT,
    archived BOOLEAN,
    excluded_because VARCHAR,
    not_asked_because VARCHAR,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.projects (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    shard VARCHAR,
    name VARCHAR NOT NULL,
    owner VARCHAR NOT NULL,
    repository_id BIGINT,
    tree_sha VARCHAR,
    sheet VARCHAR,
    position BIGINT,
    description VARCHAR,
    topics VARCHAR[],
    language VARCHAR,
    homepage VARCHAR,
    commits BIGINT,
    contributors BIGINT,
    issues BIGINT,
    pulls BIGINT,
    releases BIGINT,
    repository_bytes BIGINT,
    stars BIGINT,
    forks BIGINT,
    open_issues BIGINT,
    archived BOOLEAN,
    dockerfiles BIGINT,
    words_counted BOOLEAN,
    cohort VARCHAR DEFAULT 'ml',
    created_at TIMESTAMP,
    updated_at TIMESTAMP,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.repository_files (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    file_kind VARCHAR NOT NULL,
    kind_reason VARCHAR,
    bytes BIGINT,
    sha256 VARCHAR,
    read_as VARCHAR,
    left_out VARCHAR,
    content BLOB,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.dockerfiles (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 VARCHAR NOT NULL,
    content BLOB NOT NULL,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_references (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    registry VARCHAR,
    repository VARCHAR,
    tag VARCHAR,
    digest VARCHAR,
    origin VARCHAR NOT NULL,
    origin_row BIGINT,
    position BIGINT,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.manifests (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR,
    index_digest VARCHAR,
    kind VARCHAR,
    media_type VARCHAR,
    schema_version BIGINT,
    architecture VARCHAR,
    os VARCHAR,
    variant VARCHAR,
    os_version VARCHAR,
    manifest_bytes BIGINT,
    config_digest VARCHAR,
    config_media_type VARCHAR,
    config_bytes BIGINT,
    layers BIGINT,
    compressed_bytes BIGINT,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_configs (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    config_bytes BIGINT,
    architecture VARCHAR,
    os VARCHAR,
    variant VARCHAR,
    created TIMESTAMP,
    user_name VARCHAR,
    env_count BIGINT,
    env_names VARCHAR[],
    cmd VARCHAR[],
    entrypoint VARCHAR[],
    volumes VARCHAR[],
    working_dir VARCHAR,
    labels VARCHAR,
    rootfs_layers BIGINT,
    rootfs_diff_ids VARCHAR[],
    fields_complete BOOLEAN,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_history (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    created TIMESTAMP,
    created_by VARCHAR,
    empty_layer BOOLEAN,
    comment VARCHAR,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_layers (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR,
    config_digest VARCHAR,
    position BIGINT NOT NULL,
    layer_digest VARCHAR NOT NULL,
    diff_id VARCHAR,
    media_type VARCHAR,
    compressed_bytes BIGINT,
    history_position BIGINT,
    instruction VARCHAR,
    before_last_start BOOLEAN,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

-- What Docker Hub says of a repository, at said_at: a row whenever it was asked.
CREATE TABLE raw.model_artifacts (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    packaging VARCHAR NOT NULL,
    model_format VARCHAR,
    architecture VARCHAR,
    parameters VARCHAR,
    parameter_count BIGINT,
    quantization VARCHAR,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.model_files (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    file_role VARCHAR NOT NULL,
    path VARCHAR,
    media_type VARCHAR,
    file_format VARCHAR,
    file_digest VARCHAR NOT NULL,
    bytes BIGINT,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.hub_repositories (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    repository VARCHAR NOT NULL,
    pulls BIGINT,
    stars BIGINT,
    description VARCHAR,
    full_description VARCHAR,
    is_private BOOLEAN,
    registered_at TIMESTAMP,
    updated_at TIMESTAMP,
    tags BIGINT,
    tags_listed BIGINT,
    censored VARCHAR,
    said_at TIMESTAMP NOT NULL,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.hub_tags (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    repository VARCHAR NOT NULL,
    tag VARCHAR NOT NULL,
    tag_digest VARCHAR,
    media_type VARCHAR,
    tag_bytes BIGINT,
    tag_status VARCHAR,
    updated_at TIMESTAMP,
    pushed_at TIMESTAMP,
    position BIGINT NOT NULL,
    os VARCHAR,
    architecture VARCHAR,
    variant VARCHAR,
    os_version VARCHAR,
    image_digest VARCHAR,
    image_bytes BIGINT,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.layers (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    layer_digest VARCHAR NOT NULL,
    reference VARCHAR,
    status VARCHAR,
    reason VARCHAR,
    entries BIGINT,
    files BIGINT,
    directories BIGINT,
    empty_directories BIGINT,
    symlinks BIGINT,
    hardlinks BIGINT,
    devices BIGINT,
    max_published_level BIGINT,
    max_depth BIGINT,
    bytes BIGINT,
    compressed_bytes BIGINT,
    fetched_bytes BIGINT,
    inflated_bytes BIGINT,
    sparse_bytes BIGINT,
    compression VARCHAR,
    whiteouts BIGINT,
    opaques BIGINT,
    repeated_entries BIGINT,
    censored VARCHAR,
    verified VARCHAR,
    file_hash_algorithm VARCHAR,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.layer_file_types (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    layer_digest VARCHAR NOT NULL,
    reference VARCHAR,
    extension VARCHAR,
    files BIGINT,
    bytes BIGINT,
    bytes_mean DOUBLE,
    bytes_max BIGINT,
    bytes_min BIGINT,
    published_level_mean DOUBLE,
    published_level_max BIGINT,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

-- What a container sees of an image: computed once a manifest, when its layers are collected.
CREATE TABLE raw.image_summaries (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    censored VARCHAR,
    files BIGINT,
    directories BIGINT,
    implied_directories BIGINT,
    empty_directories BIGINT,
    symlinks BIGINT,
    hardlinks BIGINT,
    devices BIGINT,
    max_depth BIGINT,
    max_published_level BIGINT,
    bytes BIGINT,
    wasted_bytes BIGINT,
    wasted_files BIGINT,
    duplicate_bytes BIGINT,
    duplicate_files BIGINT,
    unhashed_files BIGINT,
    hash_algorithms VARCHAR[],
    gini DOUBLE,
    largest_percent_share DOUBLE,
    packages BIGINT,
    packages_bytes BIGINT,
    packages_reason VARCHAR,
    secret_files BIGINT,
    secrets_cut_short BOOLEAN,
    device_code_bytes BIGINT,
    device_code_idle_bytes BIGINT,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_layer_shares (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    layer_digest VARCHAR NOT NULL,
    visible_files BIGINT,
    visible_bytes BIGINT,
    hidden_files BIGINT,
    hidden_bytes BIGINT,
    hides_bytes BIGINT,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_packages (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    ecosystem VARCHAR NOT NULL,
    package VARCHAR NOT NULL,
    version VARCHAR NOT NULL,
    version_key VARCHAR NOT NULL,
    architecture VARCHAR,
    licence VARCHAR,
    purl VARCHAR NOT NULL,
    family VARCHAR,
    found_in VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    layer_digest VARCHAR NOT NULL,
    inside VARCHAR,
    visible BOOLEAN NOT NULL,
    files BIGINT,
    files_missing BIGINT,
    bytes BIGINT,
    compressed_bytes BIGINT,
    hidden_files BIGINT,
    hidden_bytes BIGINT,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_device_code (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    layer_digest VARCHAR NOT NULL,
    hidden_by BIGINT,
    package VARCHAR,
    problem VARCHAR,
    section VARCHAR NOT NULL,
    device_set BIGINT NOT NULL,
    vendor VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    architecture VARCHAR NOT NULL,
    compression VARCHAR NOT NULL,
    containers BIGINT,
    entries BIGINT,
    bytes BIGINT,
    inflated_bytes BIGINT,
    estimated BOOLEAN NOT NULL,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_secrets (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    layer_digest VARCHAR NOT NULL,
    hidden_by BIGINT,
    published_with VARCHAR,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_contents (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    rule_group VARCHAR NOT NULL,
    removable BOOLEAN NOT NULL,
    files BIGINT,
    bytes BIGINT,
    duplicate_bytes BIGINT,
    hidden_files BIGINT,
    hidden_bytes BIGINT,
    evidence VARCHAR[],
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_advice (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    recommendation VARCHAR NOT NULL,
    saves_bytes BIGINT,
    base_bytes BIGINT,
    files BIGINT,
    note VARCHAR,
    evidence VARCHAR[],
    evidence_paths VARCHAR[],
    evidence_layers VARCHAR[],
    evidence_bytes BIGINT[],
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.image_file_types (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    classification VARCHAR NOT NULL,
    file_type VARCHAR NOT NULL,
    files BIGINT,
    bytes BIGINT,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

-- The largest files of an image, and the largest that its later layers hide; all files are in raw.layer_files.
CREATE TABLE raw.image_files (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    manifest_digest VARCHAR NOT NULL,
    config_digest VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    layer_digest VARCHAR NOT NULL,
    bytes BIGINT,
    file_hash VARCHAR,
    extension VARCHAR,
    file_type VARCHAR,
    hidden_by BIGINT,
    hidden_cause VARCHAR,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.labels (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    rater VARCHAR NOT NULL,
    unit_kind VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    code_system VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    codebook_version VARCHAR NOT NULL,
    evidence_text VARCHAR,
    labelled_at TIMESTAMP,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

CREATE TABLE raw.base_image_labels (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    category_label VARCHAR,
    dockerfile_path VARCHAR,
    base_text VARCHAR,
    base_name VARCHAR,
    version VARCHAR,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

-- What happened to every project at every stage; append-only, the newest row of a subject counts.
CREATE TABLE raw.outcomes (
    project VARCHAR,
    corpus VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    reason VARCHAR,
    retryable BOOLEAN NOT NULL,
    retry_at TIMESTAMP,
    input_hash VARCHAR,
    method_version VARCHAR,
    observed_at TIMESTAMP NOT NULL
);

-- What each selected project offers now, as the corpus lists it: the wanted side of "what is due".
CREATE TABLE raw.inputs (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    input_hash VARCHAR NOT NULL,
    listed_at TIMESTAMP NOT NULL
);

-- One row a listing of a corpus: the fingerprint of all it read, so that an unchanged source is not listed again.
CREATE TABLE raw.listings (
    corpus VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    method_version VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    projects BIGINT NOT NULL,
    listed_at TIMESTAMP NOT NULL,
    as_of TIMESTAMP,
    dagster_storage VARCHAR
);

-- Which collected stage of which project Dagster was told of, in which of its storages; a crash between the two, or a storage
-- that is new, is made good by the next run.
CREATE TABLE raw.reported (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    observed_at TIMESTAMP NOT NULL,
    dagster_storage VARCHAR
);

-- What Python read out of each distinct Dockerfile text, by content; joined to raw.dockerfiles by sha256.
CREATE TABLE raw.dockerfile_readings (
    sha256 VARCHAR NOT NULL,
    reading VARCHAR NOT NULL,
    reader_version VARCHAR NOT NULL,
    valid BOOLEAN NOT NULL,
    coverage DOUBLE,
    reason VARCHAR,
    template VARCHAR,
    encoding VARCHAR,
    lines BIGINT,
    instructions BIGINT,
    stages BIGINT,
    run_parse_errors BIGINT,
    differences VARCHAR[],
    read_at TIMESTAMP NOT NULL
);

CREATE TABLE raw.dockerfile_instructions (
    sha256 VARCHAR NOT NULL,
    reading VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    keyword VARCHAR NOT NULL,
    start_line BIGINT,
    end_line BIGINT,
    build_stage BIGINT,
    form VARCHAR,
    flags VARCHAR[],
    arguments VARCHAR[],
    names VARCHAR[],
    heredocs BIGINT,
    known_keyword BOOLEAN
);

CREATE TABLE raw.dockerfile_stages (
    sha256 VARCHAR NOT NULL,
    build_stage BIGINT NOT NULL,
    name VARCHAR,
    line BIGINT,
    platform VARCHAR,
    base_text VARCHAR NOT NULL,
    base_kind VARCHAR NOT NULL,
    registry VARCHAR,
    repository VARCHAR,
    base_name VARCHAR,
    tag VARCHAR,
    digest VARCHAR,
    parent_stage BIGINT,
    unresolved VARCHAR[],
    shipped BOOLEAN NOT NULL,
    reaches_shipped BOOLEAN,
    pinning VARCHAR NOT NULL,
    base_image_type VARCHAR,
    os VARCHAR,
    os_version VARCHAR,
    variant VARCHAR,
    cuda_version VARCHAR,
    cuda_flavour VARCHAR,
    cudnn_version VARCHAR,
    rocm_version VARCHAR,
    language VARCHAR,
    language_version VARCHAR,
    framework VARCHAR,
    framework_version VARCHAR,
    gpu VARCHAR,
    evidence VARCHAR[]
);

CREATE TABLE raw.dockerfile_stage_edges (
    sha256 VARCHAR NOT NULL,
    build_stage BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    line BIGINT,
    onbuild BOOLEAN NOT NULL,
    source_stage BIGINT,
    source_kind VARCHAR NOT NULL,
    source_text VARCHAR,
    source_name VARCHAR
);

CREATE TABLE raw.dockerfile_run_commands (
    sha256 VARCHAR NOT NULL,
    instruction_position BIGINT NOT NULL,
    command_position BIGINT NOT NULL,
    build_stage BIGINT,
    line BIGINT,
    name VARCHAR,
    program VARCHAR,
    arguments VARCHAR[],
    task VARCHAR,
    task_as_published VARCHAR,
    task_detail VARCHAR NOT NULL,
    rule VARCHAR,
    nested BOOLEAN NOT NULL,
    parse_error BOOLEAN NOT NULL
);

CREATE TABLE raw.dockerfile_packages (
    sha256 VARCHAR NOT NULL,
    instruction_position BIGINT NOT NULL,
    command_position BIGINT NOT NULL,
    line BIGINT,
    kind VARCHAR NOT NULL,
    manager VARCHAR NOT NULL,
    name VARCHAR,
    version_constraint VARCHAR,
    pinned BOOLEAN,
    source VARCHAR,
    written VARCHAR
);

CREATE TABLE raw.dockerfile_practices (
    sha256 VARCHAR NOT NULL,
    practice VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,
    evidence VARCHAR[],
    evidence_lines BIGINT[],
    note VARCHAR
);

-- What is advised about a text; actions and reasons are in the seed.
CREATE TABLE raw.dockerfile_advice (
    sha256 VARCHAR NOT NULL,
    recommendation VARCHAR NOT NULL,
    evidence VARCHAR[],
    evidence_lines BIGINT[],
    note VARCHAR
);

-- What Compose files and CI workflows say about running and scanning images: a row a fact, or one without a fact for a
-- text that says nothing. By content, so that a text is read once.
CREATE TABLE raw.file_facts (
    sha256 VARCHAR NOT NULL,
    read_as VARCHAR NOT NULL,
    fact VARCHAR,
    line BIGINT,
    what VARCHAR,
    facts_version VARCHAR NOT NULL,
    read_at TIMESTAMP NOT NULL
);

CREATE TABLE raw.dockerfile_word_counts (
    sha256 VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    words BIGINT NOT NULL
);

-- What the two labellers say of each project: a row a code, 'cannot tell' and 'none' among them. Replaced as a whole
-- when the hash of what they read or their version changes.
CREATE TABLE raw.machine_labels (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    unit_kind VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    code_system VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    sub_codes VARCHAR[],
    probability DOUBLE,
    likeliest VARCHAR,
    reason VARCHAR,
    codebook_version VARCHAR NOT NULL,
    input_hash VARCHAR NOT NULL,
    labeller_version VARCHAR NOT NULL,
    labelled_at TIMESTAMP NOT NULL
);

-- What each of those rests on: places, never the text that stands there.
CREATE TABLE raw.machine_label_evidence (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    unit_kind VARCHAR NOT NULL,
    unit VARCHAR NOT NULL,
    code_system VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    sub_code VARCHAR,
    contribution DOUBLE,
    found_in VARCHAR NOT NULL,
    file VARCHAR,
    line BIGINT
);

-- One row whenever findings were built and published, with the version of everything they were computed by.
CREATE TABLE raw.builds (
    version VARCHAR NOT NULL,
    seen_to TIMESTAMP,
    seen_rows BIGINT NOT NULL,
    built_at TIMESTAMP NOT NULL,
    dagster_storage VARCHAR
);

-- What hadolint says of a text. Per text and version of the tool one row with rule 'linted' or 'refused', which is what
-- keeps it from being linted twice, and one row a finding. Codes only: messages quote the file.
CREATE TABLE raw.dockerfile_lint (
    sha256 VARCHAR NOT NULL,
    rule VARCHAR NOT NULL,
    severity VARCHAR,
    line BIGINT,
    reason VARCHAR,
    tool_version VARCHAR NOT NULL,
    linted_at TIMESTAMP NOT NULL
);

-- What was asked to be collected again though its input did not change, by a person or because a tag moved.
CREATE TABLE raw.revisits (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    asked_at TIMESTAMP NOT NULL
);

-- When a tag was last looked at, and where it led; what a project's images are is in raw.manifests.
CREATE TABLE raw.tag_looks (
    reference VARCHAR NOT NULL,
    digest VARCHAR,
    looked_at TIMESTAMP NOT NULL
);

-- Why a Dagster run failed, for a cause that is no single project's.
CREATE TABLE raw.run_failures (
    run_id VARCHAR NOT NULL,
    job VARCHAR NOT NULL,
    corpus VARCHAR,
    step VARCHAR,
    reason VARCHAR NOT NULL,
    failed_at TIMESTAMP NOT NULL
);

-- Which checks fail of the tables that stand; a check that is run again has its row replaced.
CREATE TABLE raw.failed_checks (
    table_name VARCHAR NOT NULL,
    check_name VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    failing_rows BIGINT NOT NULL,
    sample VARCHAR NOT NULL,
    checked_at TIMESTAMP NOT NULL
);

-- A few numbers of every build, kept so that the next build can be compared with it.
CREATE TABLE raw.figures (
    corpus VARCHAR NOT NULL,
    figure VARCHAR NOT NULL,
    value DOUBLE,
    n BIGINT NOT NULL,
    built_at TIMESTAMP NOT NULL
);

-- Which images belong to a project, with the place that shows it; made of what was collected, by the rules of a version.
CREATE TABLE raw.image_links (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    repository VARCHAR NOT NULL,
    link_grade VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    path VARCHAR,
    line BIGINT,
    rule VARCHAR NOT NULL
);

-- How well each image that a source names for a project is tied to it: the best grade of the links to its repository.
CREATE TABLE raw.image_reference_grades (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    reference VARCHAR NOT NULL,
    repository VARCHAR,
    link_grade VARCHAR NOT NULL,
    kind VARCHAR
);

-- One row a project whose links were looked for: what was read, and by which rules; also where there was none.
CREATE TABLE raw.image_link_readings (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    links BIGINT NOT NULL,
    files BIGINT NOT NULL,
    input_hash VARCHAR NOT NULL,
    rules_version VARCHAR NOT NULL,
    linked_at TIMESTAMP NOT NULL
);

-- The git repository of each project, as its corpus listed it: the commit up to which its history goes, or why there is none.
CREATE TABLE raw.histories (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    last_commit VARCHAR,
    reason VARCHAR,
    source VARCHAR NOT NULL,
    source_file VARCHAR,
    source_row BIGINT,
    row_hash VARCHAR NOT NULL,
    first_seen TIMESTAMP NOT NULL,
    last_seen TIMESTAMP NOT NULL
);

-- One row a project whose history was walked or tried: up to which commit, and what the next walk begins with.
CREATE TABLE raw.rebuild_walks (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    last_commit VARCHAR NOT NULL,
    reason VARCHAR,
    commits BIGINT,
    commits_censored BIGINT,
    walk_state VARCHAR,
    walk_version VARCHAR NOT NULL,
    walked_at TIMESTAMP NOT NULL
);

-- One row a commit and Dockerfile of which it builds something again. Causes and unknowns are named once an instruction.
CREATE TABLE raw.rebuilds (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    commit_id VARCHAR NOT NULL,
    committed_at TIMESTAMP,
    path VARCHAR NOT NULL,
    moved VARCHAR[],
    context VARCHAR NOT NULL,
    context_from VARCHAR NOT NULL,
    instructions BIGINT NOT NULL,
    missed BIGINT NOT NULL,
    missed_own BIGINT NOT NULL,
    missed_stage BIGINT NOT NULL,
    missed_earlier BIGINT NOT NULL,
    missed_new BIGINT NOT NULL,
    missed_unknown BIGINT NOT NULL,
    run_missed BIGINT NOT NULL,
    run_missed_own BIGINT NOT NULL,
    run_missed_installing BIGINT NOT NULL,
    run_avoidable BIGINT NOT NULL,
    causes VARCHAR[],
    left_open VARCHAR[]
);

-- Commits of each project by year, those that build nothing again too.
CREATE TABLE raw.rebuild_years (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    year BIGINT,
    commits BIGINT NOT NULL,
    commits_since_first BIGINT NOT NULL,
    commits_with_git_folder BIGINT NOT NULL
);

-- Lines of Dockerfiles that are there now, and where they would have been kept.
CREATE TABLE raw.rebuild_moves (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    line BIGINT NOT NULL,
    above_line BIGINT NOT NULL,
    saved BIGINT NOT NULL,
    run_missed BIGINT NOT NULL
);

-- One row a commit and Dockerfile whose text it added, changed or removed.
CREATE TABLE raw.dockerfile_changes (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    commit_id VARCHAR NOT NULL,
    committed_at TIMESTAMP,
    path VARCHAR NOT NULL,
    event VARCHAR NOT NULL,
    sha256 VARCHAR,
    keywords_added VARCHAR[],
    keywords_removed VARCHAR[]
);

-- The texts that those rows name, each once a project.
CREATE TABLE raw.history_texts (
    project VARCHAR NOT NULL,
    corpus VARCHAR NOT NULL,
    sha256 VARCHAR NOT NULL,
    content BLOB NOT NULL
);
