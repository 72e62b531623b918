"""State stores: the interface in `base`, and Supabase, DynamoDB and SQLite."""
