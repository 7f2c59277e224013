-- Rules by which other papers check Dockerfiles, counted their way: one row per Dockerfile and applicable rule, with how often
-- it applies (matches) and how often it is violated. seeds.published_rules explains each rule and its origin.
-- Written from the rules' own definitions (binnacle: checker/rules/rules.ts and the options that its parser knows; Parfum:
-- lib/rules). A command is one that the shell would start, in any stage. A rule that looks for a second command looks in the
-- same RUN, before or after; where binnacle counts several nodes of its tree around a command, the command counts once here.
WITH
    -- All arguments in one text, each between separators, so that a pattern can match a whole argument.
    commands AS (
        SELECT
            sha256,
            instruction_position AS run,
            command_position AS place,
            CASE WHEN name = 'sudo' THEN program ELSE name END AS program,
            arguments,
            list_filter(arguments, lambda argument: NOT starts_with(argument, '-')) AS words,
            chr(31) || array_to_string(arguments, chr(31)) || chr(31) AS said,
            name = 'sudo' AS by_sudo
        FROM raw.dockerfile_run_commands
    ),
    -- Positions in a RUN of the commands that a rule requires before or after another.
    around AS (
        SELECT
            sha256,
            run,
            max(place) FILTER (
                program = 'npm' AND words[1] = 'cache' AND words[2] IN ('clean', 'rm', 'clear')
            ) AS npm_cache_clean,
            max(place) FILTER (program = 'yarn' AND words[1] = 'cache' AND words[2] = 'clean') AS yarn_cache_clean,
            max(place) FILTER (program = 'rm' AND regexp_matches(said, '\x1f(-[a-zA-Z]*f[a-zA-Z]*|--force)\x1f')) AS rm_force,
            max(place) FILTER (program = 'rm' AND len(words) > 0) AS rm_any,
            max(place) FILTER (program = 'rm' AND contains(said, '/usr/src')) AS rm_usr_src,
            max(place) FILTER (program = 'rm' AND regexp_matches(said, '\x1f/[^\x1f]*root[^\x1f]*/\.gem')) AS rm_root_gem,
            max(place) FILTER (program = 'rm' AND contains(said, 'var/cache/yum')) AS rm_yum_cache,
            max(place) FILTER (program = 'rm' AND contains(said, '.tar')) AS rm_tar,
            max(place) FILTER (program = 'rm' AND regexp_matches(said, '/var[^\x1f]*apt/lists[^\x1f]*\*')) AS rm_apt_lists,
            min(place) FILTER (program = 'apt-get' AND words[1] = 'update') AS apt_update,
            min(place) FILTER (program = 'echo' AND contains(said, ' ')) AS echo_blank
        FROM commands
        WHERE program IN ('npm', 'yarn', 'rm', 'apt-get', 'echo')
        GROUP BY ALL
    ),
    -- The one rule that looks back over the whole file.
    no_document AS (
        SELECT sha256, min({'run': run, 'place': place}) AS told
        FROM commands
        WHERE program = 'echo' AND regexp_matches(said, '--no-document|--no-rdoc')
        GROUP BY ALL
    ),
    judged AS (
        SELECT
            commands.sha256,
            unnest(
                CASE
                    WHEN commands.by_sudo THEN [{'rule': 'DL3004', 'applies': true, 'kept': false}]
                    ELSE []
                END
                || CASE commands.program
                    WHEN 'curl' THEN [
                        {
                            'rule': 'curlUseFlagF',
                            'applies': true,
                            'kept': regexp_matches(said, '\x1f(-[a-zA-Z]*f[a-zA-Z]*|--fail)\x1f')
                        },
                        {
                            'rule': 'curlUseFlagL',
                            'applies': true,
                            'kept': regexp_matches(said, '\x1f(-[a-zA-Z]*L[a-zA-Z]*|--location)\x1f')
                        },
                        -- binnacle's parser takes the word after -O for its value, not for an address.
                        {
                            'rule': 'curlUseHttpsUrl',
                            'applies': regexp_matches(
                                regexp_replace(said, '\x1f(-[a-zA-Z]*O|--remote-name)\x1f.*', chr(31)),
                                '://|[a-z0-9-]\.(com|edu|gov|info|io|net|org)\b'
                            ),
                            'kept': contains(said, 'https://')
                        }
                    ]
                    WHEN 'wget' THEN [
                        {
                            'rule': 'wgetUseHttpsUrl',
                            'applies': regexp_matches(said, '://|[a-z0-9-]\.(com|edu|gov|info|io|net|org)\b'),
                            'kept': contains(said, 'https://')
                        }
                    ]
                    WHEN 'npm' THEN [
                        {
                            'rule': 'npmCacheCleanAfterInstall',
                            'applies': words[1] IN ('install', 'i', 'add'),
                            'kept': npm_cache_clean > place
                        },
                        {
                            'rule': 'npmCacheCleanUseForce',
                            'applies': words[1] = 'cache' AND words[2] IN ('clean', 'rm', 'clear'),
                            'kept': list_contains(arguments, '--force')
                        }
                    ]
                    WHEN 'yarn' THEN [
                        {
                            'rule': 'yarnCacheCleanAfterInstall',
                            'applies': words[1] = 'install',
                            'kept': yarn_cache_clean > place
                        }
                    ]
                    WHEN 'mktemp' THEN [
                        {
                            'rule': 'rmRecursiveAfterMktempD',
                            'applies': regexp_matches(said, '\x1f(-[a-zA-Z]*d[a-zA-Z]*|--directory)\x1f'),
                            'kept': rm_force > place
                        }
                    ]
                    WHEN 'mkdir' THEN [
                        {
                            'rule': 'mkdirUsrSrcThenRemove',
                            'applies': contains(said, '/usr/src'),
                            'kept': rm_usr_src > place
                        }
                    ]
                    WHEN './configure' THEN [
                        {
                            'rule': 'configureShouldUseBuildFlag',
                            'applies': true,
                            'kept': regexp_matches(said, '\x1f--build\b')
                        }
                    ]
                    WHEN 'gem' THEN [
                        {
                            'rule': 'gemUpdateSystemRmRootGem',
                            'applies': words[1] = 'update',
                            'kept': rm_root_gem > place
                        },
                        {
                            'rule': 'gemUpdateNoDocument',
                            'applies': words[1] = 'update',
                            'kept': no_document.told < {'run': commands.run, 'place': place}
                        }
                    ]
                    WHEN 'sha256sum' THEN [
                        {
                            'rule': 'sha256sumEchoOneSpaces',
                            'applies': regexp_matches(said, '\x1f(-[a-zA-Z]*c[a-zA-Z]*|--check)\x1f'),
                            'kept': echo_blank < place
                        }
                    ]
                    WHEN 'gpg' THEN [
                        {
                            'rule': 'gpgVerifyAscRmAsc',
                            'applies': regexp_matches(said, '\x1f--verify\x1f[^\x1f]*\.asc'),
                            'kept': rm_any > place
                        },
                        {'rule': 'gpgUseBatchFlag', 'applies': true, 'kept': list_contains(arguments, '--batch')},
                        {
                            'rule': 'gpgUseHaPools',
                            'applies': regexp_matches(said, '\x1f--keyserver[\x1f=][^\x1f]*pool\.'),
                            'kept': regexp_matches(said, '\x1f--keyserver[\x1f=][^\x1f]*ha\.pool\.')
                        }
                    ]
                    WHEN 'yum' THEN [
                        {
                            'rule': 'yumInstallForceYes',
                            'applies': words[1] = 'install',
                            'kept': regexp_matches(said, '\x1f(-[a-zA-Z]*y[a-zA-Z]*|--assumeyes)\x1f')
                        },
                        {
                            'rule': 'yumInstallRmVarCacheYum',
                            'applies': words[1] = 'install',
                            'kept': rm_yum_cache > place
                        }
                    ]
                    WHEN 'tar' THEN [
                        {
                            'rule': 'tarSomethingRmTheSomething',
                            'applies': regexp_matches(said, '\x1f(-[a-zA-Z]*f|--file)[\x1f=][^\x1f]*\.tar'),
                            'kept': rm_tar > place
                        }
                    ]
                    WHEN 'apt-get' THEN [
                        {
                            'rule': 'aptGetInstallUseY',
                            'applies': words[1] = 'install',
                            'kept': regexp_matches(said, '\x1f(-[a-zA-Z]*y[a-zA-Z]*|--yes|--assume-yes|-qq)\x1f')
                        },
                        {
                            'rule': 'aptGetUpdatePrecedesInstall',
                            'applies': words[1] = 'install',
                            'kept': apt_update < place
                        },
                        {
                            'rule': 'aptGetInstallUseNoRec',
                            'applies': words[1] = 'install',
                            'kept': list_contains(arguments, '--no-install-recommends')
                        },
                        {
                            'rule': 'aptGetInstallThenRemoveAptLists',
                            'applies': words[1] = 'install',
                            'kept': rm_apt_lists > place
                        }
                    ]
                    WHEN 'apk' THEN [
                        {
                            'rule': 'apkAddUseNoCache',
                            'applies': words[1] = 'add',
                            'kept': list_contains(arguments, '--no-cache')
                        }
                    ]
                    WHEN 'apt' THEN [{'rule': 'DL3027', 'applies': true, 'kept': false}]
                    WHEN 'useradd' THEN [
                        {
                            'rule': 'DL3046',
                            'applies': true,
                            'kept': regexp_matches(said, '\x1f(-[a-zA-Z]*l[a-zA-Z]*|--no-log-init)\x1f')
                        }
                    ]
                    ELSE [
                        {
                            'rule': 'pipUseNoCacheDir',
                            'applies': commands.program IN ('pip', 'pip2', 'pip3') AND words[1] = 'install',
                            'kept': list_contains(arguments, '--no-cache-dir')
                        }
                    ]
                END
            ) AS found
        FROM commands
        LEFT JOIN around ON around.sha256 = commands.sha256 AND around.run = commands.run
        LEFT JOIN no_document ON no_document.sha256 = commands.sha256
    ),
    -- Rules about instructions.
    instructions AS (
        SELECT
            sha256,
            unnest([
                {
                    'rule': 'DL3002',
                    'applies': keyword = 'USER' AND arguments[1] = 'root',
                    'kept': position < max(position) FILTER (keyword = 'USER') OVER (PARTITION BY sha256)
                },
                {
                    'rule': 'DL3020',
                    'applies': keyword = 'ADD',
                    'kept': contains(array_to_string(arguments, ' '), '.tar')
                },
                {
                    'rule': 'DL3029',
                    'applies': keyword = 'FROM' AND starts_with(array_to_string(flags, ' '), 'platform'),
                    'kept': false
                }
            ]) AS found
        FROM raw.dockerfile_instructions
        WHERE reading = 'corrected' AND keyword IN ('USER', 'ADD', 'FROM')
    ),
    texts AS (
        SELECT
            sha256,
            found.rule AS rule,
            count(*) AS matches,
            -- If the rule requires something that occurs nowhere, it is violated without a place.
            count(*) FILTER (found.kept IS NOT true) AS violations
        FROM (SELECT sha256, found FROM judged UNION ALL SELECT sha256, found FROM instructions)
        WHERE found.applies
        GROUP BY ALL
    )
SELECT
    files.corpus,
    files.project,
    files.path,
    files.valid AS dockerfile_valid,
    texts.rule,
    texts.matches,
    texts.violations
FROM core.dockerfiles AS files
JOIN texts ON texts.sha256 = files.sha256
