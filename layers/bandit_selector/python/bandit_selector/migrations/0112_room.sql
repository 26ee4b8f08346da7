-- How many places of a visitor still count on the day that begins at `day`. It lets one list of a visitor be recorded
-- at a time, so that two never use the same room: being volatile, it sees what the lock's last holder has committed,
-- also within the statement that records.
CREATE FUNCTION bandit_room(lock integer, visitor bigint, day timestamptz, bound integer) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(lock, hashint8(visitor));
    RETURN (
        SELECT greatest(0, bound - coalesce(sum(coalesce(counted_places, cardinality(movie_ids))), 0))
        FROM bandit_lists
        WHERE user_id = visitor AND created_at >= day AND created_at < day + interval '1 day'
    );
END $$;
