"""A table of a Supabase project as a state store."""

from extractor.backends.state.supabase.client import build_postgrest_client
from extractor.backends.state.supabase.store import SupabaseStateStore

__all__ = ["SupabaseStateStore", "build_postgrest_client"]
