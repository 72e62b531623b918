"""The worker outside of Lambda: takes messages from the queue by itself, in several processes.

Run it as ``python -m extractor.serve``; docs/howto/serve.md explains it.
"""
