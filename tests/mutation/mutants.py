"""The mutants. Whoever changes one of these lines changes its mutant, too: one that does not fit is an error.

Each group names the tests that are run for its mutants: the quickest that must notice.
"""

from tests.mutation.mutant import Mutant

_HANDLER = (
    "tests/handler/test_promises_kept.py",
    "tests/handler/test_guarantee.py",
    "tests/handler/test_redelivery.py",
)
_FAILURES = ("tests/handler/test_failures.py",)
_PREFETCH = ("tests/handler/test_prefetch.py", "tests/handler/test_promises_kept.py")
_SIMULATION = ("tests/proof/test_simulation.py",)
_UPLOADS = ("tests/output/test_writers.py", "tests/handler/test_promises_kept.py")
_RESUMPTION = (
    "tests/pipeline/test_resume.py",
    "tests/handler/test_long_videos.py",
    "tests/handler/test_promises_kept.py",
)
_SOURCES = ("tests/handler/test_sources.py", "tests/handler/test_promises_kept.py")
_ITEMS = ("tests/backends/state/test_dynamodb_items.py", "tests/backends/state/test_dynamodb_claims.py")
_STATE = ("tests/backends/state/test_state_store.py", "tests/backends/state/test_sqlite.py")
_LAST_DELIVERY = ("tests/handler/test_last_delivery.py",)
_DELETIONS = ("tests/backends/storage/test_s3_failures.py", "tests/backends/storage/test_object_store.py")
_KEY_RENEWAL = ("tests/backends/state/test_supabase_keys.py", "tests/backends/state/test_supabase_client.py")
_TABLES = ("tests/backends/state/test_odd_tables.py", "tests/backends/state/test_supabase_rights.py")
_SETTINGS = ("tests/settings/test_settings.py", "tests/domain/test_option_checks.py")
_OPTIONS = ("tests/domain/test_sampling_options.py", "tests/domain/test_option_checks.py")
_PRUNE = ("tests/reconcile/test_prune.py",)
_REPLAY = ("tests/reconcile/test_replay.py",)
_REPAIR = ("tests/reconcile/test_repair_action.py", "tests/reconcile")
_SERVE = ("tests/handler/test_serve.py",)
_QUEUE = ("tests/backends/queues/test_job_queue.py",)
_COVER = ("tests/media/test_cover.py",)
_DISTINCT = ("tests/media/test_distinct.py",)
_KEYS = ("tests/domain/test_keys.py", "tests/migration/test_older_system.py")


def _group(file: str, tests: tuple[str, ...], *changes: tuple[str, str, str]) -> list[Mutant]:
    return [Mutant(name, file, before, after, tests) for name, before, after in changes]


MUTANTS: list[Mutant] = [
    *_group(
        "extractor/pipeline/job.py",
        (*_HANDLER, *_FAILURES, *_LAST_DELIVERY, *_PREFETCH, *_RESUMPTION, *_SIMULATION),
        (
            "pipeline: no manifest is written",
            "replaces=replaces)",
            "replaces=replaces) if False else None",
        ),
        (
            "pipeline: the manifest replaces whatever is there",
            "replaces=replaces)",
            "replaces=manifest_store.read_manifest(context.frames, frame_keys).etag)",
        ),
        ("pipeline: a lease of a quarter", "1.25 * max(", "0.25 * max("),
        ("pipeline: no margin of the lease", "_LEASE_MARGIN_SECONDS = 60", "_LEASE_MARGIN_SECONDS = 0"),
        (
            "pipeline: a video that is done is believed on redelivery",
            "is_first or _is_intact(context.frames, frame_keys)",
            "True",
        ),
        (
            "pipeline: an earlier manifest always stands",
            "if earlier.manifest and earlier.is_current(source.video,",
            "if earlier.manifest or earlier.is_current(source.video,",
        ),
        (
            "pipeline: stale frames stay",
            "manifest_store.delete_superseded_frames(context.frames, frame_keys, earlier, manifest, known)\n"
            "            delete_records(context.frames, frame_keys, known)\n"
            "            return",
            "return",
        ),
        (
            "pipeline: a conflict at the first delivery is not looked at",
            "if not job_context.is_first_delivery:\n            raise",
            "if True:\n            raise",
        ),
        (
            "pipeline: a final failure is not recorded",
            "if job_context.is_final(error):\n            state",
            "if False:\n            state",
        ),
        ("pipeline: a row that is gone counts as there", "if row is None:", "if False:"),
        (
            "pipeline: what is not fetched is tried",
            "if not row.is_extracted and not row.is_fetched:",
            "if False:",
        ),
        ("pipeline: the next video is never fetched ahead", "        job_context.on_downloaded()\n", ""),
        ("pipeline: the account of an unfinished run stays", "    partial_run.remove()\n", ""),
    ),
    *_group(
        "extractor/pipeline/worker.py",
        (*_FAILURES, "tests/handler/test_messages.py", *_HANDLER),
        (
            "worker: a refused dead letter is ignored",
            "if refused := dead_letters.send([dead_letter]):",
            "if (refused := dead_letters.send([dead_letter])) and False:",
        ),
        (
            "worker: a failure that may pass is final",
            "if isinstance(error, ExtractorError) and self._is_final(error, part.message):",
            "if isinstance(error, ExtractorError):",
        ),
        (
            "worker: the first error hides behind the others",
            "if isinstance(result, Exception):\n                raise result",
            "if False:\n                raise result",
        ),
        (
            "worker: every delivery is the first",
            "message.from_queue and message.receive_count == 1",
            "message.from_queue",
        ),
        (
            "worker: without a dead-letter queue, messages vanish",
            "elif part.message.from_queue:",
            "elif False:",
        ),
    ),
    *_group(
        "extractor/pipeline/worker.py",
        _LAST_DELIVERY,
        (
            "worker: a dead letter holds the whole message",
            "message.text if len(requests) == 1 else json.dumps(request.message)",
            "message.text",
        ),
        (
            "worker: the last delivery is like any other",
            "            if self._is_last(part.message):\n",
            "            if False:\n",
        ),
        (
            "worker: the last delivery is taken for one too late",
            "message.receive_count >= self.max_receives",
            "message.receive_count > self.max_receives",
        ),
        (
            "worker: the last delivery that is not begun has no reason",
            "        if not self._is_last(message):\n",
            "        if True:\n",
        ),
        (
            "worker: a refused letter of the last delivery is acknowledged",
            'isinstance(self._handle_error(_MessagePart("", message.text, message), error), JobFailed)',
            'bool(self._handle_error(_MessagePart("", message.text, message), error))',
        ),
    ),
    *_group(
        "extractor/output/manifest_store.py",
        (*_HANDLER, *_SIMULATION),
        (
            "record: the manifest is written over any other",
            "sha256=digest, replaces=replaces",
            "sha256=digest, replaces=read_manifest(store, frame_keys).etag",
        ),
        (
            "record: frames that are gone are believed",
            "item.key in known and is_version",
            "item.key not in known or is_version",
        ),
        (
            "record: a frame of another version is believed",
            "item.key in known and is_version(item, known[item.key])",
            "item.key in known",
        ),
        ("record: another source is the same", "and self.manifest.matches(video, policy)", "and True"),
        (
            "record: stale frames are deleted unseen",
            "if read_manifest(store, frame_keys).manifest != current:\n            return",
            "if False:\n            return",
        ),
        (
            "record: no look for a conflict after deleting",
            "if read_manifest(store, frame_keys).manifest != current:\n        raise",
            "if False:\n        raise",
        ),
        (
            "record: frames of the new manifest are stale, too",
            "earlier.manifest.keys - current.keys",
            "earlier.manifest.keys",
        ),
    ),
    *_group(
        "extractor/output/frame_store.py",
        (*_HANDLER, *_SIMULATION),
        (
            "frame store: a frame's ETag is not kept",
            "frame = replace(described, etag=known.etag)",
            "frame = described",
        ),
        (
            "frame store: a frame replaces anything",
            "replaces=known.etag if known else None,",
            "replaces=(self.store.read(described.key) or known or described).etag,",
        ),
        (
            "frame store: the same size is the same content",
            "known.size_bytes == len(data) and known.etag ==",
            "known.size_bytes == len(data) or known.etag ==",
        ),
        (
            "frame store: everything is sent again",
            "if known is None or not _has_content(known, item.data):",
            "if True:",
        ),
    ),
    *_group(
        "extractor/output/writers.py",
        (*_UPLOADS, *_HANDLER),
        (
            "uploads: those in flight at the end are forgotten",
            "done += _collect(in_flight, at_most=0)",
            "done += _collect(in_flight, at_most=2)",
        ),
        ("uploads: any number is in flight", "at_most=2 * workers)", "at_most=10**9)"),
        (
            "uploads: a failed upload is none",
            "return [future.result() for future in finished]",
            "return [future.result() for future in finished if not future.exception()]",
        ),
        ("uploads: in the order of arrival", "sorted(done, key=lambda stored: stored.index)", "done"),
    ),
    *_group(
        "extractor/pipeline/source.py",
        (*_SOURCES, *_FAILURES),
        (
            "source: only the first key is tried",
            "            except VideoMissingError:\n                continue",
            "            except VideoMissingError:\n                break",
        ),
        (
            "source: no deadline while downloading",
            "time.monotonic() > deadline or self.is_cancelled()",
            "self.is_cancelled()",
        ),
        (
            "source: half an object is a video",
            "if path.stat().st_size != self.video.size_bytes:",
            "if False:",
        ),
        ("source: an empty object is a video", "if video.size_bytes == 0:", "if False:"),
        ("source: any size is allowed", "if video.size_bytes > max_bytes:", "if False:"),
    ),
    *_group(
        "extractor/pipeline/disk_space.py",
        ("tests/pipeline/test_disk_space.py",),
        ("disk space: any size fits on the disk", "elif not others:", "elif False:"),
        (
            "disk space: what others will write counts as free",
            "free - sum(one.missing_bytes for one in self._reservations)",
            "free",
        ),
        ("disk space: a written file counts twice", "reservation.missing_bytes = 0", "pass"),
    ),
    *_group(
        "extractor/pipeline/batch.py",
        ("tests/pipeline/test_batch.py",),
        ("batch: a record overtakes one of its group", "        taken |= keys\n", ""),
        ("batch: a video is handled twice at a time", "if taken.isdisjoint(keys):", "if True:"),
        ("batch: a group goes on after a failure", "and not self._follows_unfinished(record)", ""),
        ("batch: a record starts too late", "time.monotonic() <= self._last_start and", ""),
        ("batch: a video in progress is prefetched", "and busy.isdisjoint(self._codes[record])", ""),
    ),
    *_group(
        "extractor/domain/keys.py",
        _KEYS,
        (
            "keys: an encoded key is taken as it is",
            "return [key] if decoded == key else [key, decoded]",
            "return [key]",
        ),
        ("keys: a plus sign is a space first", "else [key, decoded]", "else [decoded, key]"),
    ),
    *_group(
        "extractor/pipeline/prefetch.py",
        _PREFETCH,
        (
            "prefetch: a fetch that failed is not forgotten",
            "with suppress(ExtractorError, OSError), open",
            "with suppress(), open",
        ),
        (
            "prefetch: an error of the disk is not suppressed",
            "suppress(ExtractorError, OSError)",
            "suppress(ExtractorError)",
        ),
        (
            "prefetch: what was fetched stays on the disk",
            "            if fetch is not None:\n                fetch.end()\n",
            "            pass\n",
        ),
        ("prefetch: any number of videos is fetched", "and len(self._ahead) < self._videos_ahead", ""),
    ),
    *_group(
        "extractor/pipeline/download.py",
        _PREFETCH,
        (
            "prefetch: misfits are downloaded",
            "        check_source_size(source.video, self._max_bytes)\n",
            "",
        ),
    ),
    *_group(
        "extractor/media/container/nal_units.py",
        ("tests/pipeline/test_remote_video.py",),
        ("needed bytes: keyframes in between are not read", "            unread.append(number)\n", ""),
    ),
    *_group(
        "extractor/backends/storage/http.py",
        ("tests/pipeline/test_http_video.py",),
        ("http: the version of a range is not checked", " or response.headers.get(header) != value", ""),
    ),
    *_group(
        "extractor/pipeline/resume.py",
        _RESUMPTION,
        ("resumption: the last frame is not made again", "zip(stored, targets[:-1]", "zip(stored, targets"),
        ("resumption: frames that differ count as made", "            break\n", "            pass\n"),
        (
            "resumption: dependent frames are skipped",
            "if _needs_all_frames(policy) or schedule",
            "if schedule",
        ),
        ("resumption: numbers begin again", "index=frame.index + first", "index=frame.index"),
    ),
    *_group(
        "extractor/media/decode/exit_check.py",
        ("tests/media/test_exit_check.py",),
        ("verdict: out of processor time is a crash", "if end.status == -signal.SIGXCPU:", "if False:"),
        ("verdict: a crash is no failure", "if end.status < 0:", "if False:"),
        ("verdict: no frame is a success", "if end.images == 0:", "if False:"),
        (
            "verdict: damage is no failure",
            "if end.decode_errors > limits.max_decode_error_share",
            "if False and end.decode_errors > limits.max_decode_error_share",
        ),
        ("verdict: an exit status is no failure", "if end.status != 0:", "if False:"),
        (
            "verdict: half a file is a file",
            "missing > max(1.0, expected_seconds / 20)",
            "missing > expected_seconds",
        ),
    ),
    *_group(
        "extractor/backends/state/dynamodb/items.py",
        _ITEMS,
        (
            "items: a claim that is not over is free",
            "#claim_expires_at <= :now AND",
            "#claim_expires_at > :now AND",
        ),
        (
            "items: what the older system took over is free",
            " AND #claim_started_at = #processing_started_at",
            "",
        ),
        (
            "items: a claim of the older system never ends",
            "not now - lease_seconds < started < now + lease_seconds",
            "False",
        ),
        (
            "items: a claim of the older system does not hold",
            "not now - lease_seconds < started < now + lease_seconds",
            "True",
        ),
        ("items: times with fractions", "return number(int(moment))", "return number(moment)"),
        ("items: a number as its start is not read", 'if "N" in started:', "if False:"),
    ),
    *_group(
        "extractor/backends/state/dynamodb/store.py",
        _ITEMS,
        (
            "dynamodb: who lost the claim may finish",
            "changes, items.CLAIMED_BY_US, remove=",
            "changes, items.CLAIMABLE, remove=",
        ),
        (
            "dynamodb: a lost claim is no error",
            "if found is not None and not items.is_processed(found):",
            "if False:",
        ),
        (
            "dynamodb: two take over one claim",
            "items.unchanged(found), seen=found",
            '"attribute_exists(#status)", seen=found',
        ),
    ),
    *_group(
        "extractor/backends/state/sqlite.py",
        _STATE,
        (
            "sqlite: a late failure spoils a video that is done",
            'extract_error": failure_text(reason, detail)}, condition)',
            'extract_error": failure_text(reason, detail)})',
        ),
        (
            "sqlite: failed videos are pending",
            "IS {'NOT' if backlog_filter.failed else ''} NULL",
            "IS NOT NULL",
        ),
        ("sqlite: a page begins with the last row", "AND {code} > ?", "AND {code} >= ?"),
    ),
    *_group(
        "extractor/backends/storage/s3/deletions.py",
        _DELETIONS,
        (
            "deletions: any version is deleted",
            """{"Key": key} if etag is None else {"Key": key, "ETag": f'"{etag}"'}""",
            '{"Key": key}',
        ),
        ("deletions: a refusal is ignored", "        if refused:\n", "        if False:\n"),
        (
            "deletions: another version is an error",
            'if error.get("Code") not in _NOTHING_TO_DELETE]',
            "]",
        ),
        (
            "deletions: a server without the condition deletes nothing",
            "            refused += _delete_batch(bucket, unknown, {})\n",
            "",
        ),
    ),
    *_group(
        "extractor/backends/state/supabase/api_keys.py",
        _KEY_RENEWAL,
        (
            "keys: a refused key is not read again",
            "if response.status_code == _UNAUTHORIZED and",
            "if False and",
        ),
        ("keys: a key that stays refused is read again each time", "self._may_renew = False", "pass"),
        (
            "keys: a second rotation is not noticed",
            "self._may_renew = self._renew is not None\n        self._check",
            "pass\n        self._check",
        ),
        (
            "keys: the old key is sent again",
            "            _set(request, keys)\n",
            "            _set(request, used)\n",
        ),
        ("keys: a key that is no token is sent as one", 'None if key.startswith("sb_") else key', "key"),
    ),
    *_group(
        "extractor/backends/state/supabase/client.py",
        (*_KEY_RENEWAL, "tests/backends/state/test_supabase_failures.py"),
        (
            "supabase: an empty answer is no row",
            "if response.is_success and response",
            "if False and response",
        ),
    ),
    *_group(
        "extractor/backends/state/supabase/store.py",
        _TABLES,
        (
            "supabase: a hidden row is absent",
            "        if not rows:\n            self._check_visible()\n",
            "        if not rows:\n",
        ),
        (
            "supabase: a hidden table is empty",
            "if after is None and not rows:",
            "if False:",
        ),
        (
            "supabase: an update of no row is one",
            "if len(self._changed(update, changes)) != 1:",
            "if not isinstance(self._changed(update, changes), list):",
        ),
        (
            "supabase: a failure that is not written is written",
            """self._refuse_unchanged([str(row["code"]) for row in found])""",
            "del found",
        ),
        ("supabase: one code stands for two rows", "        if len(rows) > 1:\n", "        if False:\n"),
        ("supabase: rows without a code are in pages", "query.not_.is_(code, None).order", "query.order"),
        ("supabase: a page begins with the last row", "query.gt(code, after)", "query.gte(code, after)"),
        ("supabase: an error too long is not written", "if error.code not in _TEXT_TOO_LONG:", "if True:"),
        ("supabase: no such value is an outage", "if error.code not in _NO_SUCH_VALUE:", "if True:"),
    ),
    *_group(
        "extractor/backends/state/values.py",
        _TABLES,
        (
            "state: a page that does not advance is read on",
            "if after is not None and after in texts:",
            "if False:",
        ),
        (
            "state: any text is true",
            "    if meaning is None:\n",
            "    if meaning is None:\n        return True\n",
        ),
    ),
    *_group(
        "extractor/domain/option_checks.py",
        ("tests/domain/test_messages.py",),
        (
            "message: frames are counted whatever is asked for",
            'if "interval_seconds" in asked or combined.strategy != policy.strategy:',
            "if False:",
        ),
        (
            "message: the threshold is that of another detector",
            'if asked.get("scene_detector") not in (None, policy.scene_detector or DEFAULT_DETECTOR):',
            "if False:",
        ),
    ),
    *_group(
        "extractor/domain/option.py",
        _OPTIONS,
        (
            "option: every strategy uses every option",
            "return not self.strategies or strategy in self.strategies",
            "return True",
        ),
        (
            "option: a value of one video is a setting",
            "setting=None if one_video else",
            "setting=",
        ),
    ),
    *_group(
        "extractor/domain/option_checks.py",
        _OPTIONS,
        (
            "option checks: a strategy lacks the option that it needs",
            "if option.implied_strategy and",
            "if False and",
        ),
        (
            "option checks: any value is in range",
            "elif (least is None or value >= least) and",
            "elif True or",
        ),
    ),
    *_group(
        "extractor/settings/sampling.py",
        _SETTINGS,
        (
            "settings: the frame rate does not replace the interval",
            "getattr(self, option.setting) != option.default",
            "False",
        ),
        (
            "settings: a value that makes an invalid policy is accepted",
            "        return wrong\n",
            "        return []\n",
        ),
    ),
    *_group(
        "extractor/settings/__init__.py",
        _SETTINGS,
        ("settings: two names with two values", "if len(set(texts.values())) > 1", "if False"),
        (
            "settings: DynamoDB's defaults win over what is given",
            "for group in (*groups, values)",
            "for group in (values, *groups)",
        ),
        (
            "settings: half of a pair of DynamoDB's defaults stays",
            "if next(iter(group)) not in values]",
            "]",
        ),
        (
            "settings: a last delivery without a queue for it is accepted",
            '("dead_letter_queue_url",) if "max_receives" in values else ()',
            "()",
        ),
    ),
    *_group(
        "extractor/backends/queues/sqs/dead_letters.py",
        _REPLAY,
        (
            "dead letters: a failed deletion is ignored",
            'if failed := answer.get("Failed"):',
            'if (failed := answer.get("Failed")) and False:',
        ),
    ),
    *_group(
        "extractor/reconcile/replay.py",
        _REPLAY,
        ("replay: what the queue refuses is deleted", "if position not in refused]", "]"),
        (
            "replay: held letters are not given back",
            "source.release(list(held.values()))",
            "source.release([])",
        ),
        ("replay: all reasons are asked for", "if not reasons or _reason(message) in reasons]", "]"),
    ),
    *_group(
        "extractor/reconcile/prune.py",
        _PRUNE,
        ("prune: an incomplete survey counts", "if not snapshot.complete:", "if False:"),
        ("prune: an empty table counts", 'if not snapshot.count("row"):', "if False:"),
        (
            "prune: a row that came meanwhile does not save its video",
            "if state.begin(VideoRef(orphan.code), 0) is not None:",
            "if False:",
        ),
        (
            "prune: what was written meanwhile goes, too",
            "if any(written_at(entry) > before for entry in objects):",
            "if False:",
        ),
        (
            "prune: young folders are orphans",
            "if folder.code and folder.newest <= before:",
            "if folder.code:",
        ),
        ("prune: young videos are orphans", "if video.code and video.modified <= before:", "if video.code:"),
    ),
    *_group(
        "extractor/reconcile/repair.py",
        _REPAIR,
        ("repair: a row that changed since the scan", "now.is_extracted == known.is_extracted", "True"),
        (
            "repair: whole frames without a source are done again",
            "FindingKind.SOURCE_GONE not in kinds",
            "True",
        ),
        ("repair: frames with a wrong content stay", "    context.trash.remove(store, wrong)\n", ""),
    ),
    *_group(
        "extractor/serve/worker.py",
        _SERVE,
        (
            "serve: a message that failed is deleted",
            "if self._handle(record):",
            "if self._handle(record) or True:",
        ),
        (
            "serve: a message that failed comes back at once",
            "self._hand.give_back(facts.visibility_seconds)",
            "self._hand.give_back(0)",
        ),
        (
            "serve: a message after the signal is handled",
            "        if self._draining.is_set():\n",
            "        if False:\n",
        ),
        (
            "serve: the visibility is not prolonged",
            "            self._hand.prolong()\n",
            "            pass\n",
        ),
        (
            "serve: nothing is given back at the end of the grace",
            "            self._hand.give_back(0)\n            os._exit(0)",
            "            os._exit(0)",
        ),
    ),
    *_group(
        "extractor/backends/queues/sqs/queue.py",
        _QUEUE,
        (
            "queue: the message group is not counted",
            "size_bytes(message) + group_bytes",
            "size_bytes(message)",
        ),
        ("queue: a refused message group is tried again", 'if "MessageGroupId" in refusal:', "if False:"),
    ),
    *_group(
        "extractor/media/distinct.py",
        _DISTINCT,
        (
            "distinct: another frame than the nearest stands for one",
            "rank[nearest].tolist()",
            "nearest.tolist()",
        ),
        (
            "distinct: a frame is left out that differs enough",
            "if distances[farthest] <= too_near:",
            "if distances[farthest] <= too_near + 1:",
        ),
    ),
    *_group(
        "extractor/media/decode/survey.py",
        _DISTINCT,
        (
            "distinct: a frame that is left out is stored",
            "if self.kept.get(frame.slot) == frame.pts_seconds:",
            "if True:",
        ),
        (
            "distinct: a kept frame may be missing",
            "if done + count != len(self.kept):",
            "if False:",
        ),
        (
            "distinct: a kept frame is listed as left out",
            "for other in others if other[0] not in kept)",
            "for other in others)",
        ),
    ),
    *_group(
        "extractor/media/choice.py",
        (
            "tests/media/test_choice.py::"
            "test_frames_of_given_numbers_are_taken_once_each_and_counted_from_either_end",
        ),
        ("frames: the next frame is taken", "(number % total for", "((number + 1) % total for"),
    ),
    *_group(
        "extractor/media/cover.py",
        _COVER,
        ("cover: the worst frame is taken", "return max(longest,", "return min(longest,"),
        ("cover: frames of a fade count", "least = max(_BLANK", "least = min(_BLANK"),
        (
            "cover: the scene with the most frames is the longest",
            "sum(frames.ticks_shown(number) for number in numbers)",
            "len(numbers)",
        ),
    ),
    *_group(
        "extractor/media/scenes/finder.py",
        _COVER,
        (
            "cover: sharpness counts as contrast",
            "contrast.append(contrast_of_colours(picture))",
            "contrast.append(sharpness_of_colours(picture))",
        ),
    ),
]
