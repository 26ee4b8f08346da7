"""What people read: the report, its charts and its printed form. Must not know SQL, AWS or HTTP."""
