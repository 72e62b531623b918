"""A frame on demand: a handler for the URL of a Lambda function that answers with an image."""
