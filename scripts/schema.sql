-- The state table in Supabase (or any PostgreSQL behind PostgREST).
-- Needed: code, is_fetched, is_extracted. The other columns may be left out.

create table if not exists watched_content (
  code text primary key,
  is_fetched boolean not null default false,
  is_extracted boolean not null default false,
  extract_error text, -- why the video failed for good; such rows are not enqueued again
  frame_count integer,
  extracted_at timestamptz
);

-- What run_sqs_batches.py asks for, in its order; rows leave the index when they are done.
create index if not exists watched_content_pending on watched_content (code)
  where is_fetched is true and is_extracted is not true and extract_error is null;

-- Only the service-role key gets through, unless policies say otherwise.
alter table watched_content enable row level security;
