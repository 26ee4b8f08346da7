"""What the team looks at: the daily report, the analytics and the dashboard."""
