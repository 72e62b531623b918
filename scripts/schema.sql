-- The state table in Supabase, and a role that can do with it what the worker does, and nothing else.
-- Run it in the SQL editor, or with psql in any PostgreSQL behind PostgREST; it may be run again.
-- Another table, other names of columns: replace them here, and set STATE_TABLE and STATE_COLUMNS.

create table if not exists watched_content (
  code text primary key,
  is_fetched boolean not null default false,
  is_extracted boolean not null default false
);

-- A table that is there already gets the columns that it lacks. They are optional.
alter table watched_content
  add column if not exists extract_error text, -- why the video failed for good; it is not enqueued again
  add column if not exists frame_count integer,
  add column if not exists extracted_at timestamptz,
  add column if not exists enqueued_at timestamptz,
  add column if not exists fetched_at timestamptz; -- written by whatever sets is_fetched

-- What run_sqs_batches.py asks for, in its order; rows leave the first index when they are done.
create index if not exists watched_content_pending on watched_content (code)
  where is_fetched is true and is_extracted is not true and extract_error is null;
create index if not exists watched_content_failed on watched_content (code)
  where is_fetched is true and is_extracted is not true and extract_error is not null;

-- The role of the worker and of run_sqs_batches.py: its JSON web token, {"role": "frame_extractor"} signed
-- with the project's JWT secret, is SUPABASE_TOKEN. The role is created where it is not there; so is
-- "authenticator", the role that PostgREST logs in with (Supabase has it; elsewhere, give it a password).
do $$
begin
  if not exists (select from pg_roles where rolname = 'frame_extractor') then
    create role frame_extractor nologin noinherit;
  end if;
  if not exists (select from pg_roles where rolname = 'authenticator') then
    create role authenticator login noinherit;
  end if;
end
$$;
grant frame_extractor to authenticator;
grant usage on schema public to frame_extractor;

-- It reads these columns and changes those; no row comes or goes by it, and what is fetched is not its say.
revoke all on watched_content from frame_extractor;
grant select (code, is_fetched, is_extracted, extract_error, frame_count, extracted_at, enqueued_at, fetched_at)
  on watched_content to frame_extractor;
grant update (is_extracted, extract_error, frame_count, extracted_at, enqueued_at)
  on watched_content to frame_extractor;

-- Row-level security keeps everyone else out, but for the service role, which passes it by.
alter table watched_content enable row level security;
drop policy if exists frame_extractor_reads on watched_content;
create policy frame_extractor_reads on watched_content for select to frame_extractor using (true);
drop policy if exists frame_extractor_flips on watched_content;
create policy frame_extractor_flips on watched_content for update to frame_extractor using (true) with check (true);
