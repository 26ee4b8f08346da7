"""What Cognito asks while it writes a token."""
