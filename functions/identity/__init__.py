"""The function that Cognito calls while it writes a token."""
