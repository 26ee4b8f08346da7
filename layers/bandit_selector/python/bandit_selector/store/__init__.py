"""Every SQL statement, each in the function that runs it. Knows PostgreSQL and the tables; decides nothing."""
