"""The DynamoDB table of the older system as a state store."""
