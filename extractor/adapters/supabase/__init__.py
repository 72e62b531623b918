"""Supabase as a state: its database API, and the state in one of its tables."""

from extractor.adapters.supabase.api import build_postgrest_client
from extractor.adapters.supabase.store import SupabaseStateStore

__all__ = ["SupabaseStateStore", "build_postgrest_client"]
