"""Supabase as a state: its database API, and the state in one of its tables."""

from extractor.backends.state.supabase.client import build_postgrest_client
from extractor.backends.state.supabase.store import SupabaseStateStore

__all__ = ["SupabaseStateStore", "build_postgrest_client"]
